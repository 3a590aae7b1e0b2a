// The parts of a workplace, by kind: a kind's module (a script in the block kind_scripts of its template) adds a function
// (workplace) => part, or null where it is not needed; it is called again for each task that comes on screen. A workplace
// has { root, form, signal (aborted when the task leaves the screen), announce(text), changed() }. A part may have
// `actions` (what its shortcuts do, by name), `key(event)` for keys that are no shortcuts (true when it took the key) and
// `refusal()` (null, or { text, warning } for what stands in the way of submitting).
export const parts = [];
