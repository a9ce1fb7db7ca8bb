// usage: socketio_clients.js URL COUNT ECHOES: so many clients, each with an address and connections of its own.
// Each must get all its echoes from one server. Prints {"served": N, "servers": {...}, "errors": [...]}.
'use strict';
const http = require('http');
const { io } = require('socket.io-client');

const [url, count, echoes] = process.argv.slice(2);
const result = { served: 0, servers: {}, errors: [] };

function address(number) {
  return `203.0.${113 + Math.floor(number / 250)}.${number % 250 + 1}`;
}

function client(number) {
  return new Promise((resolve) => {
    const agent = new http.Agent({ keepAlive: true });
    const socket = io(url, {
      transports: ['polling'], agent, forceNew: true, reconnection: false, timeout: 20000,
      extraHeaders: { 'X-Forwarded-For': address(number) },
    });
    const names = new Set();
    let over = false;
    const end = (error) => {
      if (over) return;
      over = true;
      if (error) result.errors.push(`client ${number}: ${error}`);
      socket.disconnect();
      setTimeout(() => { agent.destroy(); resolve(); }, 20);
    };
    socket.on('connect_error', (error) => end(`${error.message} ${(error.context || {}).responseText || ''}`));
    socket.on('disconnect', (reason) => end(reason));
    socket.on('connect', async () => {
      try {
        for (let i = 0; i < Number(echoes); i++) {
          const answer = await socket.timeout(20000).emitWithAck('echo', `${number}.${i}`);
          if (answer.value !== `${number}.${i}`) throw new Error(`got ${answer.value}`);
          names.add(answer.name);
        }
        if (names.size !== 1) throw new Error(`met ${[...names]}`);
        const [name] = names;
        result.served++;
        result.servers[name] = (result.servers[name] || 0) + 1;
        end();
      } catch (error) {
        end(error.message);
      }
    });
  });
}

Promise.all(Array.from({ length: Number(count) }, (_, number) => client(number))).then(() => {
  console.log(JSON.stringify(result));
  process.exit(0);
});
