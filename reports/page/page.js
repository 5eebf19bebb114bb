// Draws each figure in the colours of the page, one panel at a time, and offers a choice for each dimension of its panels.
"use strict";
pageData.then(({ figures, templates }) => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 720px)");
  const config = { responsive: true, displaylogo: false, modeBarButtons: [["toImage"]], displayModeBar: "hover" };
  const redraws = [];
  let printing = false;

  function draw(node, figure, panel) {
    const layout = structuredClone(figure.layout);
    layout.template = templates[dark.matches && !printing ? "dark" : "light"];
    layout.height = panel.height || layout.height || 440;
    layout.dragmode = false;
    for (const [axis, text] of Object.entries(panel.titles || {})) layout[axis].title = { text };
    for (const axis of panel.logarithmic || []) layout[axis].type = "log";
    if (narrow.matches) layout.font = { size: 11 };
    node.parentElement.querySelector(".found").textContent = panel.note || "";
    const traces = panel.traces.map((place) => figure.traces[place]);
    // Plotly writes into what it is given, and both are drawn from again.
    Plotly.react(node, traces.map((trace) => structuredClone({ ...figure.styles[trace.style], ...trace })), layout, config);
  }

  // The panel that has the wanted value in the wanted dimension and differs least from the one that is shown.
  function nearest(panels, shown, name, value) {
    const distance = ({ where }) => Object.keys(where).filter((key) => where[key] !== shown.where[key]).length;
    return panels.filter(({ where }) => where[name] === value).reduce((best, panel) => (distance(panel) < distance(best) ? panel : best));
  }

  function choice(name, values, pick) {
    const label = document.createElement("label");
    const select = document.createElement("select");
    label.append(name, select);
    select.append(...values.map((value) => new Option(value, value)));
    select.addEventListener("change", () => pick(select.value));
    return label;
  }

  function offer(node, figure) {
    const box = node.parentElement.querySelector(".choices");
    const panels = figure.panels;
    const open = Object.keys(panels[0].where);
    const valuesOf = (name) => [...new Set(panels.map(({ where }) => where[name]))];
    let shown = panels[0];
    const show = (panel) => {
      shown = panel;
      box.querySelectorAll("select").forEach((select, place) => { select.value = shown.where[open[place]]; });
      draw(node, figure, shown);
    };
    box.append(...open.map((name) => choice(name, valuesOf(name), (value) => show(nearest(panels, shown, name, value)))));
    const fixed = Object.entries(figure.fixed).filter(([name]) => name !== "file").map(([, value]) => value);
    if (fixed.length) {
      box.append(Object.assign(document.createElement("span"), { textContent: fixed.join(" · ") }));
    }
    redraws.push(() => draw(node, figure, shown));
    draw(node, figure, shown);
  }

  for (const node of document.querySelectorAll("[data-figure]")) {
    offer(node, figures[node.dataset.figure]);
  }
  const redraw = () => redraws.forEach((each) => each());
  for (const query of [dark, narrow]) query.addEventListener("change", redraw);
  for (const event of ["beforeprint", "afterprint"]) {
    addEventListener(event, () => { printing = event === "beforeprint"; redraw(); });
  }
});
