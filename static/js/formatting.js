// Formatting what is being written, as Markdown. What is inserted goes through the browser's own editing, so that its undo
// takes it back.

const TABLE = "| A | B |\n|---|---|\n| 1 | 2 |";

function replace(field, start, end, text, from, to = from) {
  field.focus();
  field.setSelectionRange(start, end);
  if (!document.execCommand(text ? "insertText" : "delete", false, text)) {
    field.setRangeText(text, start, end);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  field.setSelectionRange(from, to);
}

// Puts marks around the selection, without the white space at its ends, or takes them off again.
function wrap(field, mark) {
  const { value } = field;
  let { selectionStart: start, selectionEnd: end } = field;
  while (start < end && /\s/.test(value[start])) start++;
  while (end > start && /\s/.test(value[end - 1])) end--;
  const inner = value.slice(start, end);
  const run = value.slice(0, start).match(/[*`]*$/)[0].length;
  const marked = mark === "*" ? run % 2 === 1 : mark === "**" ? run > 1 : run > 0;
  const n = mark.length;
  if (marked && value.slice(start - n, start) === mark && value.slice(end, end + n) === mark) {
    replace(field, start - n, end + n, inner, start - n, end - n);
  } else {
    replace(field, start, end, mark + inner + mark, start + n, end + n);
  }
}

// Puts a prefix before every line of the selection, or takes it off when all have it.
function prefix(field, of, pattern) {
  const { value } = field;
  const start = value.lastIndexOf("\n", field.selectionStart - 1) + 1;
  const next = value.indexOf("\n", field.selectionEnd);
  const end = next < 0 ? value.length : next;
  const lines = value.slice(start, end).split("\n");
  const all = lines.every((line) => pattern.test(line));
  const text = lines.map((line, n) => (all ? line.replace(pattern, "") : of(n) + line)).join("\n");
  replace(field, start, end, text, lines.length > 1 ? start : start + text.length, start + text.length);
}

// Puts a block on lines of its own; `from` and `to` of it are selected.
function block(field, text, from, to) {
  const { selectionStart: start, selectionEnd: end, value } = field;
  const before = !start || value.slice(0, start).endsWith("\n\n") ? "" : value[start - 1] === "\n" ? "\n" : "\n\n";
  const after = end === value.length || value[end] === "\n" ? "\n" : "\n\n";
  replace(field, start, end, before + text + after, start + before.length + from, start + before.length + to);
}

export const TOOLS = {
  bold: (field) => wrap(field, "**"),
  italic: (field) => wrap(field, "*"),
  code: (field) => {
    const inner = field.value.slice(field.selectionStart, field.selectionEnd);
    if (inner.includes("\n")) block(field, "```\n" + inner + "\n```", 3, 3);
    else wrap(field, "`");
  },
  link: (field) => {
    const { selectionStart: start, selectionEnd: end } = field;
    const inner = field.value.slice(start, end);
    if (/^https?:\/\/\S+$/.test(inner)) return replace(field, start, end, `[](${inner})`, start + 1);
    const at = start + inner.length + 3;
    replace(field, start, end, `[${inner}](https://)`, inner ? at : start + 1, inner ? at + 8 : start + 1);
  },
  list: (field) => prefix(field, () => "- ", /^- /),
  numbers: (field) => prefix(field, (n) => `${n + 1}. `, /^\d+\. /),
  quote: (field) => prefix(field, () => "> ", /^> /),
  table: (field) => block(field, TABLE, 2, 3),
};
