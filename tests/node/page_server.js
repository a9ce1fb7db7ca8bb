// usage: page_server.js NAME PORT: a page with a script that does what pages do: it fetches, posts, streams, listens to
// events and talks over a WebSocket; every answer tells the server's name. What came of it is written into the page, in JSON.
'use strict';
const http = require('http');
const { WebSocketServer } = require('ws');

const [name, port] = process.argv.slice(2);
const MIB = 1 << 20;

// Runs in the browser.
async function visit(MIB) {
  const result = { names: [], errors: [] };
  const told = async (answer) => {
    const facts = await answer.json();
    result.names.push(facts.name);
    return facts;
  };
  const cookies = async () => { result.cookies = (await told(await fetch('/facts'))).cookies; };
  const many = () => Promise.all(Array.from({ length: 20 }, async (_, number) => told(await fetch(`/facts?${number}`))));
  const post = async () => {
    result.posted = (await told(await fetch('/facts', { method: 'POST', body: new Uint8Array(MIB) }))).length;
  };
  const stream = async () => {
    const reader = (await fetch('/stream')).body.getReader();
    result.streamed = 0;
    for (let piece; !(piece = await reader.read()).done;) result.streamed += piece.value.length;
  };
  const events = () => new Promise((resolve, reject) => {
    result.events = [];
    const source = new EventSource('/events');
    source.onerror = () => reject(new Error('the events broke off'));
    source.onmessage = (event) => {
      result.events.push(event.data);
      if (result.events.length === 3) resolve(source.close());
    };
  });
  const talk = () => new Promise((resolve, reject) => {
    result.echoes = 0;
    const socket = new WebSocket(`ws://${location.host}/socket`);
    socket.onerror = () => reject(new Error('the WebSocket broke off'));
    socket.onopen = () => { for (let number = 0; number < 100; number++) socket.send(`message ${number}`); };
    socket.onmessage = (event) => {
      const [from, ...rest] = event.data.split(' ');
      if (rest.join(' ') === `message ${result.echoes}`) result.echoes++;
      result.names.push(from);
      if (result.echoes === 100) socket.close();
    };
    socket.onclose = resolve;
  });
  document.cookie = 'mine=1';
  for (const action of [cookies, many, post, stream, events, talk]) {
    await action().catch((error) => result.errors.push(`${action.name}: ${error.message}`));
  }
  result.names = [...new Set(result.names)];
  result.visible = document.cookie;
  const element = document.createElement('pre');
  element.id = 'result';
  element.textContent = JSON.stringify(result);
  document.body.append(element);
}

function facts(request, response) {
  let length = 0;
  request.on('data', (piece) => { length += piece.length; });
  request.on('end', () => response.end(JSON.stringify({ name, length, cookies: request.headers.cookie })));
}

function stream(response) {
  let left = 16;
  const next = () => (left-- ? response.write(Buffer.alloc(MIB), next) : response.end());
  next();
}

function events(response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  let number = 0;
  const timer = setInterval(() => response.write(`data: ${name} ${number++}\n\n`), 50);
  response.on('close', () => clearInterval(timer));
}

const server = http.createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://server');
  if (pathname === '/facts') facts(request, response);
  else if (pathname === '/stream') stream(response);
  else if (pathname === '/events') events(response);
  else {
    response.setHeader('Content-Type', 'text/html');
    response.end(`<!DOCTYPE html><title>${name}</title><body><script>(${visit})(${MIB})</script></body>`);
  }
});
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`${name} ${data}`)));
server.listen(Number(port), '127.0.0.1');
