// usage: sticky_app.js MODULE: the program of the README of @socket.io/sticky (or of an older one, by another name), with
// something to do in the place of its "...", and two workers. Nothing in it was changed for limpet.
'use strict';
const cluster = require("cluster");
const http = require("http");
const { Server } = require("socket.io");
const { setupMaster, setupWorker } = require(process.argv[2]);
const { createAdapter, setupPrimary } = require("@socket.io/cluster-adapter");

if (cluster.isMaster) {
  console.log(`Master ${process.pid} is running`);

  const httpServer = http.createServer();

  setupMaster(httpServer, {
    loadBalancingMethod: "least-connection", // either "random", "round-robin" or "least-connection"
  });

  setupPrimary();

  httpServer.listen(process.env.PORT);

  cluster.setupPrimary({
    serialization: "advanced", // prevents conversion of Node.js Buffer to string over IPC
  });

  for (let i = 0; i < 2; i++) {
    cluster.fork();
  }

  cluster.on("exit", (worker) => {
    console.log(`Worker ${worker.process.pid} died`);
    cluster.fork();
  });
} else {
  console.log(`Worker ${process.pid} started`);

  const httpServer = http.createServer();
  const io = new Server(httpServer);
  io.adapter(createAdapter());
  setupWorker(io);

  io.on("connection", (socket) => {
    socket.on("echo", (value, answer) => answer({ name: process.env.LIMPET_SLOT, value }));
  });
}
