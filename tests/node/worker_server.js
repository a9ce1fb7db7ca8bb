// An unmodified program in a slot: answers each request with "SLOT PID LAST-PART-OF-PATH", echoes WebSocket messages with
// the process id in front. /wait/MS/N answers after so many milliseconds; behind /listen/PORT/N it listens there, too, and
// in the same breath stops, as SIGSTOP does.
// The environment: SERVED, a file to which each request that is served adds its line.
'use strict';
const fs = require('fs');
const http = require('http');
const { WebSocketServer } = require('ws');

const served = process.env.SERVED ? fs.openSync(process.env.SERVED, 'a') : -1;
const slot = process.env.LIMPET_SLOT;

function listenAndStop(port) {
  http.createServer((request, response) => response.end('second')).listen(port);
  process.kill(process.pid, 'SIGSTOP');
}

const server = http.createServer((request, response) => {
  const parts = request.url.split('/');
  const line = `${slot} ${process.pid} ${parts[parts.length - 1]}\n`;
  if (served >= 0) fs.writeSync(served, line);
  const answer = () => {
    response.setHeader('Content-Length', line.length);
    response.end(line);
  };
  if (parts[1] === 'wait') setTimeout(answer, Number(parts[2]));
  else answer();
  if (parts[1] === 'listen') setTimeout(listenAndStop, 100, Number(parts[2]));
});
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => {
  socket.on('error', () => {});
  socket.on('message', (data) => socket.send(`${process.pid} ${data}`));
});
server.listen(3000);
