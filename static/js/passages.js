// Where a passage of the page stands in the completion's text, and the other way round: a lookup in the runs that
// annotate/passages.py aligned. A run is [on the page, its length, in the text, its length there], in code points; where
// the two lengths differ (a formula), it is taken whole.

export const PAGE = 0;
export const TEXT = 2;

// From `side` to the other one; null where nothing of it is there.
export function across(runs, start, end, side) {
  const other = TEXT - side;
  const touched = runs.filter((run) => run[side] < end && run[side] + run[side + 1] > start);
  if (!touched.length) return null;
  const [first, last] = [touched[0], touched.at(-1)];
  const plain = (run) => run[1] === run[3];
  return [
    first[other] + (plain(first) ? Math.max(0, start - first[side]) : 0),
    last[other] + (plain(last) ? Math.min(last[1], end - last[side]) : last[other + 1]),
  ];
}
