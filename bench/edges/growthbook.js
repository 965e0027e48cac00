// GrowthBook's remote evaluation: what its proxy does for POST /api/eval/:key, less Express. node growthbook.js PORT PAYLOAD
const http = require("http");
const fs = require("fs");
const { evaluateFeatures } = require("@growthbook/proxy-eval");

const payload = JSON.parse(fs.readFileSync(process.argv[3], "utf8"));
const server = http.createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece)).on("end", async () => {
    const { attributes = {}, forcedVariations = {}, forcedFeatures = [], url = "" } = JSON.parse(Buffer.concat(pieces));
    const found = await evaluateFeatures({ payload, attributes, forcedVariations, forcedFeatures: new Map(forcedFeatures), url });
    const body = Buffer.from(JSON.stringify(found));
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
    response.end(body);
  });
});
server.keepAliveTimeout = 75000;
server.listen(+process.argv[2], "127.0.0.1");
