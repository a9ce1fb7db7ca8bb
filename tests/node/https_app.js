// usage: https_app.js KEY CERTIFICATE: a program that speaks TLS itself. It tells its slot, and whether the session is an
// old one; at /facts, who the client is.
'use strict';
const fs = require('fs');
const https = require('https');

const [key, cert] = process.argv.slice(2).map((path) => fs.readFileSync(path));
https.createServer({ key, cert }, (request, response) => {
  const { remoteAddress, encrypted } = request.socket;
  if (request.url === '/facts') response.end(JSON.stringify({ remoteAddress, encrypted }));
  else response.end(`${process.env.LIMPET_SLOT} ${request.socket.isSessionReused() ? 'resumed' : 'new'}\n`);
}).listen(process.env.PORT, '127.0.0.1');
