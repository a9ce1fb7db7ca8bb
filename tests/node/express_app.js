// As in Express' own guide, on all addresses. At /who: what Express makes of the forwarding fields, and those themselves.
'use strict';
const express = require('express');

const app = express();
app.set('trust proxy', process.env.TRUSTED || 'loopback');
app.use(express.json());
app.get('/', (request, response) => response.send(`${process.env.LIMPET_SLOT}\n`));
app.get('/ip', (request, response) => response.json({ ip: request.ip, ips: request.ips, protocol: request.protocol }));
app.get('/who', (request, response) => response.json({
  slot: process.env.LIMPET_SLOT, ip: request.ip, ips: request.ips, protocol: request.protocol, hostname: request.hostname,
  secure: request.secure, id: request.get('X-Request-Id'), headers: request.headers,
}));
app.post('/echo', (request, response) => response.status(201).json(request.body));
app.listen(process.env.PORT);
