// usage: socketio_survivors.js URL COUNT: so many clients that poll. When all are connected it prints what server each has. Those
// whose server dies come back with a new session, and when the standard input ends, everybody must be connected, and get an
// echo. Prints {"servers": [...]} twice, and then "errors", besides: what was not expected.
'use strict';
const { io } = require('socket.io-client');
const http = require('http');

const [url, count] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: false });
const PATIENCE = 20000;

const clients = Array.from({ length: Number(count) }, () => io(url, {
  transports: ['polling'], agent, forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 300, timeout: PATIENCE,
}));

async function ask(client) {
  const until = Date.now() + PATIENCE;
  for (;;) {
    try {
      return (await client.timeout(2000).emitWithAck('echo', 1)).name;
    } catch (error) {
      if (Date.now() > until) return error.message; // the question was lost with the server
    }
  }
}

async function tell() {
  console.log(JSON.stringify({ servers: await Promise.all(clients.map(ask)) }));
}

process.stdin.on('end', async () => {
  await tell();
  process.exit(0);
});
tell().then(() => process.stdin.resume());
