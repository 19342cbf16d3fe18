// What moves in the flame graph: hover, zoom, search. In: the boxes of svg.cpp. Out: the same, moved. No network, no
// eval.
#pragma once

namespace fanlight::formats {

inline constexpr const char* kSvgStyle = R"css(
svg { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; background: #ffffff; }
text { fill: #1b1b1b; pointer-events: none; }
.title { font-size: 17px; font-weight: bold; }
.note { fill: #5c5c5c; }
.box { cursor: pointer; }
.box rect { stroke: #ffffff; stroke-width: 0.6; }
.box:hover rect { stroke: #000000; stroke-width: 1.2; }
.faded rect { opacity: 0.45; }
.found rect { fill: #c026d3; }
.found text { fill: #ffffff; }
.gone { display: none; }
.button { cursor: pointer; fill: #1d4ed8; pointer-events: auto; }
.button:hover { text-decoration: underline; }
input { box-sizing: border-box; width: 100%; height: 100%; font: inherit; padding: 0 6px; border: 1px solid #9a9a9a; }
)css";

// Widths are fractions of the whole (data-x, data-w), so zooming is arithmetic on them and loses nothing.
inline constexpr const char* kSvgScript = R"js(
(function () {
  "use strict";
  var svg = document.currentScript.closest("svg");
  var boxes = Array.prototype.slice.call(svg.querySelectorAll(".box")).map(function (group) {
    return {
      group: group, rect: group.querySelector("rect"), label: group.querySelector("text"),
      x: +group.getAttribute("data-x"), w: +group.getAttribute("data-w"), depth: +group.getAttribute("data-d"),
      title: group.querySelector("title").textContent
    };
  });
  boxes.forEach(function (box) { box.name = box.title.split("\n")[0]; });
  if (!boxes.length) return;
  var details = svg.getElementById("details");
  var matched = svg.getElementById("matched");
  var reset = svg.getElementById("reset");
  var input = svg.getElementById("search");
  var margin = +svg.getAttribute("data-margin");
  var width = +svg.getAttribute("data-room");
  var letter = +svg.getAttribute("data-letter");
  var slack = 1e-9;
  var zoomed = boxes[0];

  function fit(name, room) {
    var letters = Math.floor((room - 6) / letter);
    if (letters < 3) return "";
    var all = Array.from(name);
    return all.length <= letters ? name : all.slice(0, letters - 2).join("") + "..";
  }
  function place(box) {
    var under = box.depth < zoomed.depth;
    var holds = box.x <= zoomed.x + slack && box.x + box.w >= zoomed.x + zoomed.w - slack;
    var within = box.x >= zoomed.x - slack && box.x + box.w <= zoomed.x + zoomed.w + slack;
    var shown = under ? holds : within;
    box.group.classList.toggle("gone", !shown);
    box.group.classList.toggle("faded", shown && under);
    if (!shown) return;
    var x = margin + (under ? 0 : (box.x - zoomed.x) / zoomed.w * width);
    var room = under ? width : box.w / zoomed.w * width;
    box.rect.setAttribute("x", x);
    box.rect.setAttribute("width", room);
    box.label.setAttribute("x", x + 3);
    box.label.textContent = fit(box.name, room);
  }
  function zoom(box) {
    zoomed = box;
    boxes.forEach(place);
    reset.classList.toggle("gone", box === boxes[0]);
  }
  function test_of(words) {
    try {
      var pattern = new RegExp(words, "i");
      return function (name) { return pattern.test(name); };
    } catch (notAPattern) {
      return function (name) { return name.toLowerCase().indexOf(words.toLowerCase()) >= 0; };
    }
  }
  function search(words) {
    var test = words ? test_of(words) : function () { return false; };
    var sum = 0, end = -1;
    boxes.forEach(function (box, index) {
      var hit = index > 0 && test(box.name);
      box.group.classList.toggle("found", hit);
      // Callers come before callees: what starts before the end of a hit lies above it and is counted already.
      if (hit && box.x >= end - slack) { sum += box.w; end = box.x + box.w; }
    });
    matched.textContent = words ? "matched " + (100 * sum / boxes[0].w).toFixed(1) + " %" : "";
  }
  boxes.forEach(function (box) {
    box.group.addEventListener("mouseover", function () { details.textContent = box.title.replace("\n", "   "); });
    box.group.addEventListener("mouseout", function () { details.textContent = ""; });
    box.group.addEventListener("click", function () { zoom(box); });
  });
  reset.addEventListener("click", function () { zoom(boxes[0]); });
  if (input) input.addEventListener("input", function () { search(input.value); });
  svg.ownerDocument.addEventListener("keydown", function (event) {
    if (event.key === "Escape") {
      if (input) input.value = "";
      search("");
      zoom(boxes[0]);
    } else if (event.key === "/" && input && svg.ownerDocument.activeElement !== input) {
      event.preventDefault();
      input.focus();
    }
  });
})();
)js";

}  // namespace fanlight::formats
