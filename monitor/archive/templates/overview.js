"use strict";
// Texts come in through textContent alone, so that no name can become anything else.
(() => {
  const STEP = 200;
  const LABELS = ["angry", "happy", "neutral", "sad"];
  const calls = JSON.parse(byId("data").textContent);
  const table = byId("table");
  const body = table.tBodies[0];
  const filters = byId("filters");
  const field = Object.fromEntries(["search", "from", "to", "emotion"].map((id) => [id, byId(id)]));
  const count = byId("count");
  const more = byId("more");
  const collator = new Intl.Collator(undefined, { numeric: true });
  let key = "angry";
  let descending = true;
  let shown = STEP;

  const wanted = (call) =>
    call.recording.toLowerCase().includes(field.search.value.trim().toLowerCase()) &&
    (!field.from.value || call.date >= field.from.value) &&
    (!field.to.value || call.date <= field.to.value) &&
    (!field.emotion.value || call[field.emotion.value] > 0);

  const compare = (one, other) => {
    if (one[key] === other[key]) return collator.compare(one.recording, other.recording);
    if (one[key] === null || other[key] === null) return one[key] === null ? 1 : -1;
    const order = typeof one[key] === "string" ? collator.compare(one[key], other[key]) : one[key] - other[key];
    return descending ? -order : order;
  };

  const cell = (row, text, number) => {
    const made = row.insertCell();
    made.textContent = text;
    if (number) made.className = "number";
    return made;
  };

  const link = (parent, text, address) => {
    const made = document.createElement("a");
    made.textContent = text;
    made.href = address;
    parent.append(made);
    return made;
  };

  const add = (call) => {
    const row = body.insertRow();
    const name = document.createElement("th");
    name.scope = "row";
    link(name, call.recording, call.report ?? call.timeline).dir = "auto";
    row.append(name);
    cell(row, call.date);
    cell(row, clock(call.duration), true);
    cell(row, String(call.turns), true);
    for (const label of LABELS) cell(row, call[label].toFixed(1), true);
    cell(row, call.silence.toFixed(1), true);
    cell(row, call.interruptions === null ? "–" : String(call.interruptions), true);
    const addresses = cell(row, "");
    if (call.report) {
      link(addresses, "report", call.report);
      addresses.append(" ");
    }
    link(addresses, "timeline", call.timeline);
  };

  const show = () => {
    const found = calls.filter(wanted).sort(compare);
    body.replaceChildren();
    found.slice(0, shown).forEach(add);
    const all = `${calls.length.toLocaleString("en")} ${calls.length === 1 ? "call" : "calls"}`;
    count.textContent = found.length === calls.length ? all : `${found.length.toLocaleString("en")} of ${all}`;
    more.hidden = found.length <= shown;
    for (const head of table.tHead.rows[0].cells) {
      if (head.dataset.key === key) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  };

  const again = () => {
    shown = STEP;
    show();
  };

  table.tHead.addEventListener("click", (event) => {
    const head = event.target.closest("th");
    if (!head?.dataset.key) return;
    descending = head.dataset.key === key ? !descending : !["recording", "date"].includes(head.dataset.key);
    key = head.dataset.key;
    again();
  });
  filters.addEventListener("input", again);
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("reset", () => setTimeout(again));
  more.addEventListener("click", () => {
    shown += STEP;
    show();
  });
  filters.hidden = table.hidden = false;
  show();
})();
