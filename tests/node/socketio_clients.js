// usage: socketio_clients.js URL COUNT ECHOES [TRANSPORTS]: so many clients, each with an address of its own, and a connection
// for each request. They poll, or "websocket", or "polling,websocket": first one, then the other. All are there at the same
// time, but only some do something at the same time: the machine may be slow. Each must get all its echoes from one server.
// Prints {"served": N, "servers": {...}, "errors": [...]}.
'use strict';
const http = require('http');
const { io } = require('socket.io-client');

const [url, count, echoes, transports = 'polling'] = process.argv.slice(2);
const result = { served: 0, servers: {}, errors: [] };
const AT_ONCE = 100;
const PATIENCE = 30000;

function address(number) {
  return `203.0.${113 + Math.floor(number / 250)}.${number % 250 + 1}`;
}

// No connection is kept: Node's servers end those that rest for 5 s, and what a client sends at that moment is lost with
// xmlhttprequest-ssl, which begins it anew (reusedSocket, ECONNRESET) and never ends it.
const agent = new http.Agent({ keepAlive: false });

// Resolves to a connected socket.
function connect(number) {
  const socket = io(url, {
    transports: transports.split(','), agent, forceNew: true, reconnection: false, timeout: PATIENCE,
    extraHeaders: { 'X-Forwarded-For': address(number) },
  });
  return new Promise((resolve, reject) => {
    socket.on('connect', () => resolve(socket));
    socket.on('connect_error', (error) => {
      reject(new Error(`${error.message} ${(error.context || {}).responseText || ''}`));
    });
  });
}

async function talk(socket, number) {
  const names = new Set();
  for (let i = 0; i < Number(echoes); i++) {
    const answer = await socket.timeout(PATIENCE).emitWithAck('echo', `${number}.${i}`);
    if (answer.value !== `${number}.${i}`) throw new Error(`got ${answer.value}`);
    names.add(answer.name);
  }
  if (names.size !== 1) throw new Error(`met ${[...names]}`);
  const [name] = names;
  result.served++;
  result.servers[name] = (result.servers[name] || 0) + 1;
}

// Does it with all items, AT_ONCE of them at a time. One that fails is noted, and the others go on.
async function all(items, action) {
  const waiting = [...items];
  const results = [];
  const work = async () => {
    for (let item; (item = waiting.shift());) {
      try {
        results.push([item[0], await action(...item)]);
      } catch (error) {
        result.errors.push(`client ${item[0]}: ${error.message}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}

async function main() {
  const sockets = await all(Array.from({ length: Number(count) }, (_, number) => [number]), connect);
  let over = false;
  for (const [number, socket] of sockets) {
    socket.on('disconnect', (reason) => over || result.errors.push(`client ${number}: ${reason}`));
  }
  await all(sockets, (number, socket) => talk(socket, number));
  over = true;
  for (const [, socket] of sockets) socket.disconnect();
  // Polls that are open would keep their server waiting for them.
  const until = Date.now() + 2000;
  setInterval(() => {
    if (Object.keys(agent.sockets).length > 0 && Date.now() < until) return;
    console.log(JSON.stringify(result));
    process.exit(0);
  }, 50);
}

main();
