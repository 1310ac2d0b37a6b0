// The table of signals: sorted, searched, filtered by what a signal needs.
const table = document.querySelector("#ranked table"), needs = document.getElementById("needs");
if (table) {
  const kinds = new Set([...table.tBodies[0].rows].map((row) => row.cells[2].textContent));
  const number = (text) => parseFloat(text.replace(/[<,\s]/g, "")) || (text.startsWith("0") ? 0 : -1);
  for (const row of table.tBodies[0].rows) for (let i = 4; i < row.cells.length; i++) row.cells[i].dataset.order = number(row.cells[i].textContent);
  const made = new DataTable(table, { pageLength: 15, lengthMenu: [15, 50, -1], order: [], autoWidth: false });
  for (const kind of kinds) needs.add(new Option(kind, kind));
  needs.addEventListener("change", () => made.column(2).search(needs.value, { exact: Boolean(needs.value) }).draw());
}
