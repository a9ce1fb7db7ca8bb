// Socket.IO in a program of the newer kind: imported, on whatever http.Server. It tells its slot and echoes.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const server = createServer();
const io = new Server();
io.attach(server);
io.on('connection', (socket) => {
  socket.on('echo', (value, answer) => answer({ name: process.env.LIMPET_SLOT, value }));
});
server.listen(Number(process.env.PORT), '127.0.0.1');
