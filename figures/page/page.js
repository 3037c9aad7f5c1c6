"use strict";
// Two sliders over the forecast's grid: between its points every number is interpolated along straight lines.

// The grid cell that holds a slider's place, and how far into it.
function cell(place, points) {
  const low = Math.min(Math.floor(place), points.length - 2);
  return { low, share: place - low, value: points[low] + (place - low) * (points[low + 1] - points[low]) };
}

// {value, low, high} between the four corners, or null where a corner that counts could not be told.
function at(data, quantity, alpha, b) {
  const found = { value: 0, low: 0, high: 0 };
  for (const [i, alphaWeight] of [[alpha.low, 1 - alpha.share], [alpha.low + 1, alpha.share]]) {
    for (const [j, bWeight] of [[b.low, 1 - b.share], [b.low + 1, b.share]]) {
      const weight = alphaWeight * bWeight;
      if (weight === 0) continue;
      const corner = data.grid[j][i][quantity];
      if (corner === null) return null;
      for (const end of Object.keys(found)) found[end] += weight * corner[end];
    }
  }
  return found;
}

function say(found, digits, scale, unit) {
  if (found === null) return "cannot tell from these samples";
  const [value, low, high] = [found.value, found.low, found.high].map((x) => (scale * x).toFixed(digits));
  return `${value}${unit} [${low}, ${high}]`;
}

function shape(tag, attributes, parent) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}

// The plane as tiles, one for each point of the grid: light where accuracy is high, crossed where it cannot be told.
function tiles(data, svg) {
  const [columns, rows] = [data.alphas.length, data.bs.length];
  svg.setAttribute("viewBox", `0 0 ${20 * columns} ${20 * rows}`);
  data.grid.forEach((row, j) => row.forEach((record, i) => {
    const [x, y] = [20 * i, 20 * (rows - 1 - j)];
    const told = record.accuracy !== null;
    const grey = told ? Math.round(77 + 178 * record.accuracy.value) : 255;
    shape("rect", { x, y, width: 20, height: 20, fill: `rgb(${grey},${grey},${grey})`, stroke: "#ddd" }, svg);
    if (!told) shape("path", { d: `M${x} ${y + 20}L${x + 20} ${y}`, stroke: "#aaa" }, svg);
  }));
  return shape("circle", { r: 5, fill: "#d55e00", stroke: "#fff" }, svg);
}

function explore(section) {
  const data = JSON.parse(section.querySelector("script").textContent);
  const [alphaSlider, bSlider] = section.querySelectorAll("input");
  const outputs = section.querySelectorAll("output");
  const point = tiles(data, section.querySelector("svg"));
  alphaSlider.max = data.alphas.length - 1;
  bSlider.max = data.bs.length - 1;
  alphaSlider.value = Math.max(data.alphas.indexOf(1), 0);
  bSlider.value = 0;
  function update() {
    const alpha = cell(Number(alphaSlider.value), data.alphas);
    const b = cell(Number(bSlider.value), data.bs);
    outputs[0].textContent = alpha.value.toFixed(2);
    outputs[1].textContent = b.value.toFixed(2) + (b.value > 0 ? ` (β = ${(1 / b.value).toPrecision(3)})` : "");
    outputs[2].textContent = say(at(data, "accuracy", alpha, b), 1, 100, " %");
    outputs[3].textContent = say(at(data, "length", alpha, b), 1, 1, " tokens");
    point.setAttribute("cx", 20 * (alpha.low + alpha.share) + 10);
    point.setAttribute("cy", 20 * (data.bs.length - 1 - b.low - b.share) + 10);
  }
  alphaSlider.addEventListener("input", update);
  bSlider.addEventListener("input", update);
  update();
}

document.querySelectorAll(".explorer").forEach(explore);
