// As in Express' own guide, on all addresses.
'use strict';
const express = require('express');

const app = express();
app.set('trust proxy', 'loopback');
app.use(express.json());
app.get('/', (request, response) => response.send(`${process.env.LIMPET_SLOT}\n`));
app.get('/ip', (request, response) => response.json({ ip: request.ip, ips: request.ips, protocol: request.protocol }));
app.post('/echo', (request, response) => response.status(201).json(request.body));
app.listen(process.env.PORT);
