#include "server/net/page.hpp"

namespace fanlight::server::net {

std::string_view page_html() {
  return R"html(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>fanlight-server</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  input, button { font: inherit; padding: .2rem .5rem; }
  canvas { width: 100%; height: 160px; border: 1px solid #8888; display: block; margin: .5rem 0; }
  table { border-collapse: collapse; } td, th { padding: .1rem 1rem .1rem 0; text-align: left; }
  pre { height: 12rem; overflow: auto; border: 1px solid #8888; padding: .5rem; margin: 0; }
  @media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd; } }
</style>
<h1>fanlight-server</h1>
<p>
  <label>Topic <input id="topic" value="news" size="12"></label>
  <button id="subscribe">Subscribe</button>
  <label>Message <input id="message" value="hello" size="24"></label>
  <button id="publish">Publish</button>
</p>
<table>
  <tr><th></th><th>state</th><th>events</th><th>per second</th><th>last id</th><th>gaps</th></tr>
  <tr><td>EventSource</td><td id="sse-state">-</td><td id="sse-count">0</td><td id="sse-rate">0</td><td id="sse-id">-</td><td id="sse-gaps">0</td></tr>
  <tr><td>WebSocket</td><td id="ws-state">-</td><td id="ws-count">0</td><td id="ws-rate">0</td><td id="ws-id">-</td><td id="ws-gaps">0</td></tr>
</table>
<canvas id="plot" width="1200" height="320"></canvas>
<pre id="log"></pre>
<script>
'use strict';
const $ = id => document.getElementById(id);
const rows = { sse: fresh(), ws: fresh() };
let stream, socket, wanted = '', retry = 0;
function fresh() { return { count: 0, second: 0, id: 0, gaps: 0, rates: [] }; }
function note(row, id, text) {
  const r = rows[row];
  if (id) { r.count++; r.second++; }  // not what the server says about itself
  if (id && r.id && id > r.id + 1) r.gaps += id - r.id - 1;
  if (id) r.id = id;
  $(row + '-count').textContent = r.count;
  $(row + '-id').textContent = r.id || '-';
  $(row + '-gaps').textContent = r.gaps;
  const line = `${row} ${id ? '#' + id + ' ' : ''}${text}`.slice(0, 200);
  $('log').textContent = ($('log').textContent + line + '\n').split('\n').slice(-200).join('\n');
  $('log').scrollTop = 1e9;
}
function listen() {
  if (stream) stream.close();
  stream = new EventSource('/sse/' + wanted);
  stream.onopen = () => $('sse-state').textContent = 'open';
  stream.onerror = () => $('sse-state').textContent = 'reconnecting';
  stream.onmessage = e => note('sse', +e.lastEventId, e.data);
  stream.addEventListener('loss', e => note('sse', 0, 'loss: ' + e.data));
}
function talk() {
  if (socket) { socket.onclose = null; socket.close(); }
  const own = socket = new WebSocket((location.protocol === 'https:' ? 'wss://' : 'ws://') + location.host + '/ws', 'fanlight.json');
  own.onopen = () => {
    $('ws-state').textContent = 'open'; retry = 0;
    const after = rows.ws.id ? { topic: wanted, after: rows.ws.id } : wanted;
    own.send(JSON.stringify({ subscribe: after }));
  };
  own.onmessage = e => {
    const m = JSON.parse(e.data);
    if (m.type === 'event') note('ws', m.id, m.data ?? m.base64);
    else note('ws', 0, e.data);
  };
  own.onclose = () => {
    $('ws-state').textContent = 'reconnecting';
    setTimeout(talk, Math.min(15000, 500 * 2 ** retry++) * (0.8 + Math.random() * 0.4));
  };
}
$('subscribe').onclick = () => { wanted = $('topic').value; rows.sse = fresh(); rows.ws = fresh(); listen(); talk(); };
$('publish').onclick = () => fetch('/topics/' + $('topic').value, { method: 'POST', body: $('message').value });
setInterval(() => {
  for (const row of ['sse', 'ws']) {
    const r = rows[row];
    r.rates.push(r.second);
    if (r.rates.length > 120) r.rates.shift();
    $(row + '-rate').textContent = r.second;
    r.second = 0;
  }
  const canvas = $('plot'), g = canvas.getContext('2d');
  const most = Math.max(1, ...rows.sse.rates, ...rows.ws.rates);
  g.clearRect(0, 0, canvas.width, canvas.height);
  for (const [row, color, dash] of [['sse', '#2a78d6', []], ['ws', '#c2571a', [8, 5]]]) {
    g.strokeStyle = color; g.lineWidth = 3; g.setLineDash(dash); g.beginPath();
    rows[row].rates.forEach((rate, i) => g.lineTo(i * canvas.width / 119, (1 - rate / most) * (canvas.height - 20) + 10));
    g.stroke();
  }
  g.fillStyle = '#888'; g.font = '22px system-ui';
  g.fillText(most + ' events per second; solid EventSource, dashed WebSocket', 10, 26);
}, 1000);
</script>
</html>
)html";
}

}  // namespace fanlight::server::net
