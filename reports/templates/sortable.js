// Tables of class "sortable" get a button in each head cell. Without this script they stay in the order they came in.
"use strict";
(() => {
  const words = new Intl.Collator("en", { numeric: true });

  // What a cell sorts by: its data-value, else its text. Empty cells come last, whichever way round.
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    if (!cell) return "";
    return cell.dataset.value ?? cell.textContent.trim();
  };

  const compare = (one, other, numeric, sign) => {
    if (one === "" || other === "") return (one === "") - (other === "");
    return sign * (numeric ? Number(one) - Number(other) : words.compare(one, other));
  };

  // Each body keeps to itself, with the line that heads it on top.
  const sort = (body, column, sign) => {
    const rows = [...body.rows].filter((row) => !row.querySelector("th[scope=rowgroup]"));
    const keys = new Map(rows.map((row) => [row, sign ? keyOf(row, column) : ""]));
    const numeric = [...keys.values()].every((key) => key === "" || Number.isFinite(Number(key)));
    rows.sort((a, b) => compare(keys.get(a), keys.get(b), numeric, sign) || a.dataset.place - b.dataset.place);
    body.append(...rows);
  };

  const next = { none: "ascending", ascending: "descending", descending: "none" };
  const signs = { none: 0, ascending: 1, descending: -1 };

  const press = (table, head, column) => {
    const order = next[head.getAttribute("aria-sort") ?? "none"];
    for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
    if (order !== "none") head.setAttribute("aria-sort", order);
    for (const body of table.tBodies) sort(body, column, signs[order]);
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    if (!table.tHead) continue;
    [...table.tBodies].forEach((body) => [...body.rows].forEach((row, place) => (row.dataset.place = place)));
    let column = 0;
    for (const head of table.tHead.rows[table.tHead.rows.length - 1].cells) {
      const mine = column;
      column += head.colSpan;
      if (head.colSpan !== 1 || head.textContent.trim() === "" || "unsorted" in head.dataset) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      // A link in a head cell stays a link, beside its button.
      if (head.querySelector("a")) {
        button.setAttribute("aria-label", `Sort by ${head.textContent.trim()}`);
        head.append(" ", button);
      } else {
        button.append(...head.childNodes);
        head.append(button);
      }
      button.addEventListener("click", () => press(table, head, mine));
    }
  }
})();
