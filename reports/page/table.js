// Shows the table of all cases: sorted by a click on a header, filtered by text and by choice, one page of rows at a time.
"use strict";
pageData.then(({ columns }) => {
  const table = document.getElementById("case-table");
  if (!table) return;
  const ROWS = 50;
  const count = (columns[0].codes || columns[0].values).length;
  const chosen = new Map();
  const state = { words: [], column: columns.find((column) => column.lead) || columns[0], down: true, page: 0 };
  const NEVER = "never";
  // Larger than every number, also when sorted: JSON has no infinity.
  for (const column of columns.filter((each) => each.never)) {
    for (const name of ["values", "low", "high"]) {
      if (column[name]) column[name] = column[name].map((entry) => (entry === NEVER ? Infinity : entry));
    }
  }
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const isText = (column) => Boolean(column.codes);
  const value = (column, row) => (isText(column) ? column.texts[column.codes[row]] : column.values[row]);
  const whole = (number) => Math.round(number).toLocaleString("en");
  const print = (number) => (Math.abs(number) >= 1e3 ? whole(number) : number === 0 ? "0" : number.toPrecision(3));
  const fixed = (number, digits) => number.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const number = (column, entry) => {
    if (entry === Infinity) return NEVER;
    return column.decimals === undefined ? print(entry) : fixed(entry, column.decimals);
  };
  const shown = (column, row) => {
    const entry = value(column, row);
    if (entry === null || entry === "") return column.name === "budget" ? "exact" : "–";
    if (isText(column)) return entry;
    return column.measured ? number(column, entry) : String(entry);
  };
  // Made when something is looked for: of 100,000 cases it takes a while.
  let haystack = null;
  const hay = (row) => {
    const searched = columns.filter((column) => isText(column) && column.search !== false);
    haystack ??= Array.from({ length: count }, (_, each) => searched.map((column) => value(column, each)).join(" ").toLowerCase());
    return haystack[row];
  };

  function kept(row) {
    for (const [column, wanted] of chosen) if (shown(column, row) !== wanted) return false;
    return !state.words.length || state.words.every((word) => hay(row).includes(word));
  }

  // Absent values stand last in both directions: they are neither the best nor the worst.
  function compare(one, other) {
    const [a, b] = [value(state.column, one), value(state.column, other)];
    if (a === null || b === null) return (a === null) - (b === null) || one - other;
    const order = isText(state.column) ? a.localeCompare(b, "en", { numeric: true }) : a - b;
    return (state.down ? -order : order) || one - other;
  }

  function hint(column, row) {
    const parts = [];
    if (column.against && value(column.against, row)) parts.push(`against ${value(column.against, row)}`);
    if (column.low && column.low[row] !== null) parts.push(`${number(column, column.low[row])} to ${number(column, column.high[row])} over the rounds`);
    return parts.join("; ");
  }

  function line(row) {
    const entry = make("tr");
    entry.append(...columns.map((column) => make("td", {
      className: [isText(column) ? "" : "n", column.lead ? "lead" : ""].join(" ").trim(),
      textContent: shown(column, row), title: hint(column, row) || (isText(column) ? shown(column, row) : ""),
    })));
    return entry;
  }

  function render() {
    const rows = Array.from({ length: count }, (_, row) => row).filter(kept).sort(compare);
    const pages = Math.max(1, Math.ceil(rows.length / ROWS));
    state.page = Math.min(state.page, pages - 1);
    const first = state.page * ROWS;
    const page = rows.slice(first, first + ROWS);
    const none = make("tr");
    none.append(make("td", { className: "none", colSpan: columns.length, textContent: "No case matches these filters." }));
    table.dataset.page = state.page;
    table.tBodies[0].replaceChildren(...(page.length ? page.map(line) : [none]));
    for (const cell of table.tHead.rows[0].cells) mark(cell);
    status.textContent = page.length ? `${whole(first + 1)} to ${whole(first + page.length)} of ${whole(rows.length)}` : "0 cases";
    back.disabled = state.page === 0;
    next.disabled = state.page === pages - 1;
  }

  function mark(cell) {
    const active = cell.column === state.column;
    if (active) cell.setAttribute("aria-sort", state.down ? "descending" : "ascending");
    else cell.removeAttribute("aria-sort");
    cell.querySelector(".sign").textContent = active ? (state.down ? "▼" : "▲") : "";
  }

  function header(column) {
    const cell = make("th", { scope: "col", className: isText(column) ? "" : "n", title: column.summary, column });
    const button = make("button", { type: "button", textContent: column.label });
    button.append(make("span", { className: "sign" }));
    button.addEventListener("click", () => {
      state.down = state.column === column ? !state.down : !isText(column);
      change({ column });
    });
    cell.append(button);
    return cell;
  }

  function change(beyond) {
    Object.assign(state, { page: 0 }, beyond);
    render();
  }

  function choice(column) {
    // Of the distinct ones: each is shown as the row that has it first.
    const entries = isText(column) ? column.codes : column.values;
    const firsts = [...new Map(entries.map((entry, row) => [entry, row])).values()];
    const values = firsts.map((row) => shown(column, row));
    values.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    const label = make("label", { textContent: column.label });
    const select = make("select");
    select.append(new Option("all", ""), ...values.map((entry) => new Option(entry, entry)));
    select.addEventListener("change", () => {
      if (select.selectedIndex) chosen.set(column, select.value);
      else chosen.delete(column);
      change({});
    });
    label.append(select);
    return label;
  }

  function search() {
    const label = make("label", { textContent: "search" });
    const input = make("input", { type: "search", placeholder: "words in names" });
    input.addEventListener("input", () => change({ words: input.value.toLowerCase().split(/\s+/).filter(Boolean) }));
    label.append(input);
    return label;
  }

  const turn = (text, step) => {
    const button = make("button", { type: "button", textContent: text });
    button.addEventListener("click", () => change({ page: state.page + step }));
    return button;
  };
  table.addEventListener("turn", ({ detail }) => change({ page: detail }));
  const [back, next, status] = [turn("Previous", -1), turn("Next", 1), make("span")];
  const filtered = columns.filter((column) => column.filter);
  document.querySelector(".filters").append(search(), ...filtered.map(choice));
  document.querySelector(".pager").append(back, next, status);
  table.tHead.append(make("tr"));
  table.tHead.rows[0].append(...columns.map(header));
  render();
});
