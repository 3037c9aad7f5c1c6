// The page is whole without this: it moves a point on the frontier, filters prompts, and opens what is folded for print.

// One place a point of the lines; a click or a key puts the point there, on the wide drawing and on the narrow one.
function explore(figure) {
  const data = figure.querySelector("script.places");
  if (data === null) return;
  const places = JSON.parse(data.textContent);
  const slider = figure.querySelector("input[type=range]");
  const output = figure.querySelector("output");
  const drawings = [...figure.querySelectorAll("svg.frontier")].map((svg) => {
    const [left, top, right, bottom, across, low, high] = svg.dataset.axes.split(" ").map(Number);
    const x = (kl) => left + (right - left) * Math.min(kl / across, 1);
    const y = (accuracy) => bottom - (bottom - top) * Math.min(Math.max((accuracy - low) / (high - low), 0), 1);
    return { svg, x, y, point: svg.querySelector(".at") };
  });
  function update() {
    const place = places[Number(slider.value)];
    output.textContent = place.text;
    slider.setAttribute("aria-valuetext", place.text);
    for (const { x, y, point } of drawings) {
      point.setAttribute("cx", x(place.x));
      point.setAttribute("cy", y(place.y));
    }
  }
  for (const { svg, x, y } of drawings) {
    svg.addEventListener("click", (event) => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      const far = (place) => (x(place.x) - at.x) ** 2 + (y(place.y) - at.y) ** 2;
      slider.value = places.reduce((best, place, i) => (far(place) < far(places[best]) ? i : best), 0);
      update();
    });
  }
  slider.addEventListener("input", update);
  update();
}

function filter(section) {
  const buttons = [...section.querySelectorAll(".filters button")];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      for (const prompt of section.querySelectorAll(".prompt")) {
        prompt.hidden = button.dataset.show !== "all" && prompt.dataset.way !== button.dataset.show;
      }
    });
  }
}

// Each cell knows its column, and that it is a cell where a narrow page lays rows out as blocks.
function dress(table) {
  const names = [...table.querySelectorAll("th")].map((head) => head.textContent);
  const roles = { THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TH: "columnheader", TD: "cell" };
  table.setAttribute("role", "table");
  for (const part of table.querySelectorAll("*")) if (part.tagName in roles) part.setAttribute("role", roles[part.tagName]);
  for (const row of table.querySelectorAll("tbody tr")) [...row.cells].forEach((cell, i) => { cell.dataset.label = names[i]; });
}

for (const table of document.querySelectorAll("table")) if (table.closest(".prompt") === null) dress(table);
for (const prompt of document.querySelectorAll(".prompt")) {
  prompt.addEventListener("toggle", () => prompt.querySelectorAll("table").forEach(dress), { once: true });
}
document.querySelectorAll("figure.picture").forEach(explore);
document.querySelectorAll("section.prompts").forEach(filter);

let folded = [];
window.addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details.fold:not([open])")];
  for (const part of folded) part.open = true;
});
window.addEventListener("afterprint", () => {
  for (const part of folded) part.open = false;
});
