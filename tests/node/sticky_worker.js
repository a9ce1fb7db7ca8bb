// A Socket.IO server for the worker side of @socket.io/sticky, which tells of each session, but that listens itself.
'use strict';
const { createServer } = require('http');
const { Server } = require('socket.io');
const { setupWorker } = require('@socket.io/sticky');

const server = createServer();
const io = new Server(server);
setupWorker(io);
io.on('connection', (socket) => {
  socket.on('echo', (value, answer) => answer({ name: process.env.LIMPET_SLOT, value }));
});
server.listen(Number(process.env.PORT), '127.0.0.1');
