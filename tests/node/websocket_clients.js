// usage: websocket_clients.js URL CLIENTS ECHOES: each client sends so many messages, many in flight, and compares what
// comes back. Prints {"intact": N, "errors": [...]}.
'use strict';
const { createHash } = require('crypto');
const { WebSocket } = require('ws');

const [url, clients, echoes] = process.argv.slice(2);
const result = { intact: 0, errors: [] };
const IN_FLIGHT = 32;

// Of every size from nothing to 8 KiB, now and then 100 KB; no two alike.
function message(client, number) {
  const size = number % 250 === 249 ? 100000 : (number * 131) % 8192;
  const seed = createHash('sha256').update(`${client}.${number}`).digest();
  return Buffer.alloc(size + 32, seed);
}

function talk(client) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, { headers: { 'X-Forwarded-For': `203.0.113.${client + 1}` } });
    let sent = 0;
    let received = 0;
    const send = () => {
      while (sent < Number(echoes) && sent - received < IN_FLIGHT) socket.send(message(client, sent++));
    };
    socket.on('open', send);
    socket.on('message', (data) => {
      if (data.equals(message(client, received))) result.intact++;
      else result.errors.push(`client ${client}, message ${received}`);
      received++;
      if (received === Number(echoes)) socket.close();
      else send();
    });
    socket.on('error', (error) => result.errors.push(`client ${client}: ${error.message}`));
    socket.on('close', resolve);
  });
}

Promise.all(Array.from({ length: Number(clients) }, (_, client) => talk(client))).then(() => {
  console.log(JSON.stringify(result));
  process.exit(0);
});
