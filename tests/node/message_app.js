// A program in the style of sticky sessions: it does not listen, sockets come as messages. It takes those of its own kind only.
'use strict';
const http = require('http');

const server = http.createServer((request, response) => {
  response.end(`${request.url === '/address' ? request.socket.remoteAddress : process.env.LIMPET_SLOT}\n`);
});

process.on('message', (message, socket) => {
  if (message && message.kind === 'client' && message.of.length === 2 && socket) server.emit('connection', socket);
});
