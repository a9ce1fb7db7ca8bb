// usage: socketio_server.js [NAME PORT [COOKIE]]: a Socket.IO server that tells its name and echoes. A worker's name is its slot,
// and the port is $PORT. The id of a session is in the cookie, too.
'use strict';
const { createServer } = require('http');
const { Server } = require('socket.io');

const [name = process.env.LIMPET_SLOT, port = process.env.PORT, cookie] = process.argv.slice(2);
const server = createServer();
const io = new Server(server, cookie ? { cookie: { name: cookie } } : {});
io.on('connection', (socket) => {
  socket.on('echo', (value, answer) => answer({ name, value }));
});
server.listen(Number(port), '127.0.0.1');
