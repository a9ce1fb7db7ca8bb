// A chat with rooms: Socket.IO as in its own guide, without an adapter, cluster code or sticky sessions. Each room is at home
// in one worker, because the room is the key, and Socket.IO repeats its query with every request.
//
//     npm install socket.io
//     limpet run -w 4 -k query:room -k client -- node chat.js
//
// Open http://localhost:3000/?room=tea in two browsers. For nginx in front, as in nginx.conf beside this file, which may keep
// its connections and use them for everybody: add -l 127.0.0.1:8080.
'use strict';
const { createServer } = require('http');
const { Server } = require('socket.io');

const PAGE = `<!DOCTYPE html>
<title>chat</title>
<form><input autofocus autocomplete="off"></form>
<ol></ol>
<script src="/socket.io/socket.io.js"></script>
<script>
  const room = new URLSearchParams(location.search).get('room') || 'hall';
  const socket = io({ query: { room } });
  const list = document.querySelector('ol');
  const tell = (text) => list.appendChild(document.createElement('li')).textContent = text;
  socket.on('told', tell);
  document.forms[0].onsubmit = (event) => {
    event.preventDefault();
    socket.emit('tell', document.querySelector('input').value);
    event.target.reset();
  };
</script>`;

const server = createServer((request, response) => {
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.end(PAGE);
});
const io = new Server(server);
io.on('connection', (socket) => {
  const { room } = socket.handshake.query;
  socket.join(room);
  socket.emit('told', `You are in ${room}, at worker ${process.env.LIMPET_SLOT}.`);
  socket.on('tell', (text) => io.to(room).emit('told', text));
});
server.listen(process.env.PORT || 3000);
