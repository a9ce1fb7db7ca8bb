// usage: websocket_server.js [NAME PORT]: echoes each message as it came. Without words it is a worker, and the port is $PORT.
'use strict';
const { WebSocketServer } = require('ws');

const port = process.argv[3] || process.env.PORT;
const server = new WebSocketServer({ port: Number(port), host: '127.0.0.1', maxPayload: 1 << 24 });
server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
