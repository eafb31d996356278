"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const body = document.querySelector("#table tbody");
  const rows = [...body.rows].map((row) => ({ row, text: row.textContent.toLowerCase() }));
  const words = byId("words");
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  // Rows that have all words.
  const show = () => {
    const asked = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { row, text } of rows) {
      row.hidden = !asked.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    byId("count").textContent = `${shown} of ${rows.length} films`;
  };
  byId("filter").hidden = false;
  byId("filter").addEventListener("submit", (event) => event.preventDefault());
  words.addEventListener("input", show);
  show();

  // In the order of a column; once more, the other way round.
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
  };
  for (const button of document.querySelectorAll("th button")) {
    button.disabled = false;
    button.addEventListener("click", () => {
      const head = button.parentNode, column = Number(button.dataset.column);
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of head.parentNode.cells) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const keyed = rows.map((one) => [value(one.row, column), one]);
      keyed.sort(([a], [b]) => (typeof a === "number" ? a - b : collator.compare(a, b)) * (down ? -1 : 1));
      rows.splice(0, rows.length, ...keyed.map(([, one]) => one));
      body.append(...rows.map((one) => one.row));
    });
  }
})();
