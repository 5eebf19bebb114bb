// Loads the page anew while it is drawn again and again, and leaves the reader where he was, with what he chose; on the last one only that.
"use strict";
(() => {
  const KEY = `again ${location.pathname}`;
  const QUIET_MS = 3000;
  const MOST_MS = 60000;
  const again = document.querySelector(".again");
  const { asOf, reloadS } = again?.dataset ?? {};
  const all = (selector) => [...document.querySelectorAll(selector)];
  const entries = (nodes, name, value) => Object.fromEntries(nodes.map((node) => [name(node), value(node)]));
  // What a reader sees of a part: numbers in it, and parts before it, may be others in the next drawing.
  const inside = (node, label) => `${node.closest("[id]").id} ${label.textContent.replace(/\d+/g, "")}`;
  const PLACES = "section[id], figure[id]";
  const CONTROLS = ".choices select, .filters select, .filters input";
  const controlName = (node) => inside(node, node.parentElement.firstChild);
  const detailsName = (node) => inside(node, node.closest("li")?.querySelector("b") ?? node.querySelector("summary"));
  const scrollName = (node) => node.getAttribute("aria-label");
  const drawingName = (node) => node.dataset.figure;

  function stored() {
    try { return JSON.parse(sessionStorage.getItem(KEY)) ?? {}; } catch { return {}; }
  }

  const was = stored();
  const waitMs = was.asOf === asOf ? Math.min(1.25 * was.waitMs, MOST_MS) : 1000 * reloadS;
  let touchedMs = -QUIET_MS;
  let touched = false;

  // The last part that begins above the middle of the window, and how far: what comes in above it moves nothing.
  function place() {
    const passed = all(PLACES).filter((node) => node.getBoundingClientRect().top < innerHeight / 2);
    const node = scrollY > 0 ? passed.at(-1) : null;
    return node ? { id: node.id, top: node.getBoundingClientRect().top } : { y: scrollY };
  }

  function state() {
    const sorted = document.querySelector("#case-table th[aria-sort]");
    return {
      asOf, waitMs, place: place(),
      controls: entries(all(CONTROLS), controlName, (node) => node.value),
      open: entries(all("details"), detailsName, (node) => node.open),
      sideways: entries(all(".scroll"), scrollName, (node) => node.scrollLeft),
      heights: entries(all(".drawing"), drawingName, (node) => node.offsetHeight),
      sort: sorted && { label: sorted.textContent.slice(0, -1), direction: sorted.getAttribute("aria-sort") },
      turned: Number(document.getElementById("case-table")?.dataset.page ?? 0),
    };
  }

  function goBack() {
    if (touched || !was.place) return;
    const node = was.place.id && document.getElementById(was.place.id);
    if (node) scrollBy({ top: node.getBoundingClientRect().top - was.place.top, behavior: "instant" });
    else if (was.place.y !== undefined) scrollTo({ top: was.place.y, behavior: "instant" });
  }

  function chooseAgain() {
    for (const node of [...all(CONTROLS), ...all(CONTROLS)]) { // twice: a choice may move another one
      const value = was.controls?.[controlName(node)];
      const there = node.tagName === "INPUT" || [...(node.options ?? [])].some((option) => option.value === value);
      if (value === undefined || value === node.value || !there) continue;
      node.value = value;
      node.dispatchEvent(new Event(node.tagName === "INPUT" ? "input" : "change"));
    }
    const header = () => all("#case-table th").find((cell) => cell.textContent.slice(0, -1) === was.sort?.label || cell.textContent === was.sort?.label);
    for (let tries = 0; tries < 2 && header() && header().getAttribute("aria-sort") !== was.sort.direction; tries += 1) {
      header().querySelector("button").click();
    }
    if (was.turned) document.getElementById("case-table")?.dispatchEvent(new CustomEvent("turn", { detail: was.turned }));
  }

  if (!again && !was.place) return;
  history.scrollRestoration = "manual";
  for (const node of all("details")) node.open = was.open?.[detailsName(node)] ?? node.open;
  // As high as it was, until it is drawn.
  for (const node of all(".drawing")) node.style.minHeight = `${was.heights?.[drawingName(node)] ?? 0}px`;
  goBack();
  for (const event of ["wheel", "pointerdown", "keydown", "touchmove"]) {
    addEventListener(event, () => { touchedMs = performance.now(); touched = true; }, { passive: true, capture: true });
  }
  document.addEventListener("DOMContentLoaded", () => pageData.catch(() => {}).then(() => {
    chooseAgain();
    for (const node of all(".drawing")) node.style.minHeight = "";
    for (const node of all(".scroll")) node.scrollLeft = was.sideways?.[scrollName(node)] ?? 0;
    goBack();
    addEventListener("load", goBack);
    if (!again) {
      history.scrollRestoration = "auto";
      sessionStorage.removeItem(KEY);
      return;
    }
    setInterval(() => {
      const quiet = performance.now() - touchedMs > QUIET_MS && getSelection().isCollapsed;
      if (document.hidden || !quiet || performance.now() < waitMs) return;
      try { sessionStorage.setItem(KEY, JSON.stringify(state())); } catch { /* the page is loaded all the same */ }
      location.reload();
    }, 250);
  }));
})();
