// The table of signals: sorted, searched, filtered by what a signal needs.
const table = document.querySelector("#ranked table"), needs = document.getElementById("needs");
if (table) {
  const place = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent === "needs");
  const rows = [...table.tBodies[0].rows];
  const number = (text) => parseFloat(text.replace(/[<,\s]/g, ""));
  for (const cell of rows.flatMap((row) => [...row.cells])) {
    if (cell.className === "number") cell.dataset.order = Number.isNaN(number(cell.textContent)) ? -1 : number(cell.textContent);
  }
  const made = new DataTable(table, { pageLength: 15, lengthMenu: [15, 50, -1], order: [], autoWidth: false });
  for (const kind of new Set(rows.map((row) => row.cells[place].textContent))) needs.add(new Option(kind, kind));
  needs.addEventListener("change", () => made.column(place).search(needs.value, { exact: Boolean(needs.value) }).draw());
}
