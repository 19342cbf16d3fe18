// What moves in the flame graph: hover, zoom, search, invert, colours, keys. In: the data of flame_data.cpp. Out:
// boxes. One script for SVG and HTML. No network, no eval.
#pragma once

namespace fanlight::formats {

/// Colours are variables, so that the script changes the theme by one class.
inline constexpr const char* kFlameStyle = R"css(
.flame { --paper: #ffffff; --ink: #1b1b1b; --faint: #5c5c5c; --line: #ffffff; --link: #1d4ed8;
         font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; background: var(--paper); color: var(--ink); }
.flame.dark { --paper: #16181d; --ink: #e8e8e8; --faint: #a0a4ad; --line: #16181d; --link: #8ab4ff; }
.flame .paper { fill: var(--paper); }
.flame text { fill: var(--ink); pointer-events: none; }
.flame .title { font-size: 17px; font-weight: bold; }
.flame .note { fill: var(--faint); color: var(--faint); }
.flame .box { cursor: pointer; }
.flame .box rect { stroke: var(--line); stroke-width: 0.6; }
.flame .box text { fill: #1b1b1b; }
.flame .box:hover rect, .flame .box.chosen rect { stroke: var(--ink); stroke-width: 1.4; }
.flame .faded rect { opacity: 0.45; }
.flame .found rect { fill: #c026d3; }
.flame .found text { fill: #ffffff; }
.flame .gone { display: none; }
.flame .button { cursor: pointer; fill: var(--link); pointer-events: auto; }
.flame .button:hover { text-decoration: underline; }
.flame input { box-sizing: border-box; font: inherit; padding: 0 6px; border: 1px solid #9a9a9a; }
)css";

inline constexpr const char* kFlameScript = R"js(
(function () {
  "use strict";
  var find = function (id) { return document.getElementById(id); };
  var data = JSON.parse(find("flame-data").textContent);
  var svg = find("flame");
  var SVG = svg.namespaceURI;
  var shell = document.querySelector(".flame");
  var holder = find("boxes");
  if (!holder || !data.parent.length) return;
  var details = find("details"), matched = find("matched"), input = find("search");
  var margin = 10, row = 18, letter = 7.25, head = data.head;
  var colours = data.before ? ["change", "module", "state"] : ["module", "state"];
  var view = { inverted: false, colour: colours[0], zoomed: null, chosen: null, words: "" };
  var stateHues = { running: [140, 38, 70], runnable: [48, 75, 70], blocked: [215, 30, 78] };

  function box(name, module, origin, parent) {
    return { name: name, module: module, origin: origin, parent: parent, depth: parent ? parent.depth + 1 : 0,
             weight: 0, self: 0, count: 0, before: 0, quiet: false, start: 0, children: [], state: parent ? parent.state : "" };
  }
  function stateOf(name) {
    var word = name.split(":")[0];
    return stateHues[word] ? word : "";
  }
  function upright() {
    var boxes = data.parent.map(function () { return null; });
    data.parent.forEach(function (parent, i) {
      var above = i === 0 ? null : boxes[parent];
      var one = box(data.names[data.name[i]], data.modules[data.module[i]], data.origin[i], above);
      one.weight = data.weight[i]; one.self = data.self[i]; one.count = data.count[i];
      one.before = data.before ? data.before[i] : 0;
      one.quiet = data.quiet ? data.quiet[i] === 1 : false;
      if (one.origin === 2 && one.depth === 1) one.state = stateOf(one.name);
      if (above) above.children.push(one);
      boxes[i] = one;
    });
    return boxes[0];
  }
  // Every weight that ends somewhere is hung up by its leaf; what was left out of the data ends where it was cut off.
  function inverted() {
    var top = upright(), root = box("all", "", 2, null);
    root.weight = top.weight; root.count = top.count; root.before = top.before;
    (function visit(node) {
      var kept = 0, keptCount = 0, keptBefore = 0;
      node.children.forEach(function (child) {
        kept += child.weight; keptCount += child.count; keptBefore += child.before; visit(child);
      });
      var ends = node.weight - kept, count = node.count - keptCount, before = node.before - keptBefore;
      if (node === top || (ends <= 0 && before <= 0)) return;
      var place = root;
      for (var step = node; step.parent; step = step.parent) {
        var key = step.origin + " " + step.name;
        place.index = place.index || {};
        var next = place.index[key];
        if (!next) {
          next = place.index[key] = box(step.name, step.module, step.origin, place);
          next.state = step.state;
          place.children.push(next);
        }
        if (next.state !== step.state) next.state = "";
        next.weight += Math.max(ends, 0); next.count += Math.max(count, 0); next.before += Math.max(before, 0);
        next.quiet = next.quiet || step.quiet;
        place = next;
      }
    })(top);
    (function order(node) {
      node.children.sort(function (a, b) { return a.name < b.name ? -1 : a.name > b.name ? 1 : 0; });
      node.children.forEach(order);
    })(root);
    return root;
  }
  function layOut(root) {
    var deepest = 0;
    (function visit(node) {
      deepest = Math.max(deepest, node.depth);
      var at = node.start;
      node.children.forEach(function (child) { child.start = at; at += child.weight; visit(child); });
    })(root);
    root.deepest = deepest;
    return root;
  }

  function hash(text) {
    var h = 2166136261;
    for (var i = 0; i < text.length; ++i) { h = Math.imul(h ^ text.charCodeAt(i), 16777619); }
    return h >>> 0;
  }
  function hsl(hue, saturation, lightness) { return "hsl(" + hue + "," + saturation + "%," + lightness + "%)"; }
  function colour(node) {
    var shade = 70 + hash(node.name) % 11;
    if (!node.parent) return hsl(0, 0, 86);
    if (view.colour === "change") {
      if (node.quiet) return hsl(0, 0, 82);
      var change = node.weight - node.before;
      var most = Math.max(node.weight, node.before) || 1;
      return hsl(change >= 0 ? 6 : 214, 85, 96 - Math.min(42, Math.round(60 * Math.abs(change) / most)));
    }
    if (view.colour === "state") {
      var hue = stateHues[node.state];
      return hue ? hsl(hue[0], hue[1], hue[2] + hash(node.name) % 9) : hsl(0, 0, 80);
    }
    if (node.origin === 2) {
      if (stateHues[stateOf(node.name)]) return hsl.apply(null, stateHues[stateOf(node.name)]);
      return hsl(215, 20, shade + 6);
    }
    if (node.origin === 1) return hsl(28, 85, shade);
    return hsl(60 + hash(node.module) % 290, 55, shade);
  }
  function threeDigits(value, units, step) {
    var at = 0;
    while (value >= step && at + 1 < units.length) { value /= step; ++at; }
    return (value === 0 ? "0" : value.toPrecision(3).indexOf("e") < 0 ? value.toPrecision(3) : String(Math.round(value))) + " " + units[at];
  }
  function amount(weight) {
    if (data.unit === "nanoseconds") return threeDigits(weight, ["ns", "us", "ms", "s"], 1000);
    if (data.unit === "bytes") return threeDigits(weight, ["B", "KiB", "MiB", "GiB"], 1024);
    return threeDigits(weight, ["", "k", "M", "G"], 1000).trim() + " " + data.unit;
  }
  function percent(share) { return (100 * share).toFixed(1) + " %"; }
  // 95 %: normal approximation of the share of the samples that are in the box.
  function tip(node, root) {
    var share = root.weight ? node.weight / root.weight : 0;
    var text = amount(node.weight) + ", " + percent(share);
    if (node.count > 0 && root.count > 0) {
      var p = Math.min(1, node.count / root.count);
      text += " \u00b1 " + percent(1.96 * Math.sqrt(p * (1 - p) / root.count)).trim() + " (95 %), " + node.count + (node.count === 1 ? " sample" : " samples");
    }
    if (data.before) text += ", before " + amount(node.before) + (node.quiet ? ", within the noise" : "");
    if (node.module) text += ", " + node.module;
    return node.name + (node.origin === 1 ? " [kernel]" : "") + "\n" + text;
  }
  function fit(name, room) {
    var letters = Math.floor((room - 6) / letter);
    if (letters < 3) return "";
    var all = Array.from(name);
    return all.length <= letters ? name : all.slice(0, letters - 2).join("") + "..";
  }
  function element(name, attributes, parent) {
    var made = document.createElementNS(SVG, name);
    Object.keys(attributes).forEach(function (key) { made.setAttribute(key, attributes[key]); });
    parent.appendChild(made);
    return made;
  }
  function width() { return data.fit ? Math.max(400, svg.clientWidth || shell.clientWidth) : +svg.getAttribute("width"); }

  var trees = {}, shown = [];
  function tree() {
    var key = view.inverted ? "inverted" : "upright";
    if (!trees[key]) trees[key] = layOut(view.inverted ? inverted() : upright());
    return trees[key];
  }
  function draw() {
    var root = tree(), zoomed = view.zoomed || root, room = width() - 2 * margin;
    var bottom = head + row * (root.deepest + 1);
    if (data.fit) { svg.setAttribute("height", bottom + 10); svg.setAttribute("width", width()); }
    else {
      svg.setAttribute("height", bottom + 30);
      svg.setAttribute("viewBox", "0 0 " + width() + " " + (bottom + 30));
      if (details) details.setAttribute("y", bottom + 20);
    }
    holder.textContent = "";
    shown = [];
    var above = [];
    for (var step = zoomed.parent; step; step = step.parent) above.push(step);
    function put(node, x, wide, faded) {
      var y = bottom - (node.depth + 1) * row;
      var group = element("g", { "class": "box" + (faded ? " faded" : "") }, holder);
      element("title", {}, group).textContent = tip(node, root);
      element("rect", { x: x, y: y, width: Math.max(wide, 0.2), height: row - 1, rx: 1.5, fill: colour(node) }, group);
      element("text", { x: x + 3, y: y + 12.5 }, group).textContent = fit(node.name, wide);
      group.addEventListener("mouseover", function () { say(node); });
      group.addEventListener("mouseout", function () { say(view.chosen); });
      group.addEventListener("click", function () { zoom(node); });
      shown.push({ node: node, group: group });
    }
    above.reverse().forEach(function (node) { put(node, margin, room, true); });
    (function visit(node) {
      var wide = zoomed.weight ? node.weight / zoomed.weight * room : room;
      if (wide < 0.3 && node !== zoomed) return;
      put(node, margin + (zoomed.weight ? (node.start - zoomed.start) / zoomed.weight * room : 0), wide, false);
      node.children.forEach(visit);
    })(zoomed);
    mark();
    find("reset").classList.toggle("gone", zoomed === root);
  }
  function say(node) { if (details) details.textContent = node ? tip(node, tree()).replace("\n", "   ") : ""; }
  function zoom(node) { view.zoomed = node === tree() ? null : node; view.chosen = node; draw(); say(node); }
  function tester(words) {
    try {
      var pattern = new RegExp(words, "i");
      return function (name) { return pattern.test(name); };
    } catch (notAPattern) {
      return function (name) { return name.toLowerCase().indexOf(words.toLowerCase()) >= 0; };
    }
  }
  function mark() {
    var test = view.words ? tester(view.words) : function () { return false; };
    var root = tree(), sum = 0;
    // What a hit calls is counted with it already.
    (function visit(node) {
      if (node.parent && test(node.name)) { sum += node.weight; return; }
      node.children.forEach(visit);
    })(root);
    shown.forEach(function (one) {
      one.group.classList.toggle("found", !!one.node.parent && test(one.node.name));
      one.group.classList.toggle("chosen", one.node === view.chosen);
    });
    matched.textContent = view.words ? "matched " + percent(root.weight ? sum / root.weight : 0) : "";
  }
  function search(words) { view.words = words; mark(); }
  function reset() {
    if (input) input.value = "";
    view.words = ""; view.zoomed = null; view.chosen = null;
    draw(); say(null);
  }
  function invert() { view.inverted = !view.inverted; view.zoomed = null; view.chosen = null; draw(); }
  function recolour() { view.colour = colours[(colours.indexOf(view.colour) + 1) % colours.length]; draw(); label(); }
  function theme() { shell.classList.toggle("dark"); }
  function label() { if (find("colour")) find("colour").textContent = "colour: " + view.colour; }
  function choose(node) {
    if (!node) return;
    view.chosen = node; mark(); say(node);
  }
  function beside(node, step) {
    if (!node || !node.parent) return node;
    var all = node.parent.children;
    return all[all.indexOf(node) + step] || node;
  }

  [["reset", reset], ["invert", invert], ["colour", recolour], ["theme", theme]].forEach(function (pair) {
    if (find(pair[0])) find(pair[0]).addEventListener("click", pair[1]);
  });
  if (input) input.addEventListener("input", function () { search(input.value); });
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") { reset(); if (input) input.blur(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || (input && document.activeElement === input)) return;
    var from = view.chosen || view.zoomed || tree();
    var heaviest = from.children.reduce(function (a, b) { return !a || b.weight > a.weight ? b : a; }, null);
    var keys = {
      "/": function () { if (input) input.focus(); }, "i": invert, "c": recolour, "d": theme,
      "ArrowUp": function () { choose(heaviest); }, "ArrowDown": function () { choose(from.parent); },
      "ArrowLeft": function () { choose(beside(from, -1)); }, "ArrowRight": function () { choose(beside(from, 1)); },
      "Enter": function () { zoom(from); }, "Backspace": function () { zoom((view.zoomed || from).parent || tree()); }
    };
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
  if (data.fit) window.addEventListener("resize", draw);
  if (window.matchMedia && window.matchMedia("(prefers-color-scheme: dark)").matches && data.fit) theme();
  label();
  draw();
})();
)js";

}  // namespace fanlight::formats
