# API and worker, and the example that docker-compose.yml sends. The code runs as it is (tsx); nothing is built.
FROM node:20-slim
# The authorities that API and worker trust; the image has none of its own.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /app
ENV NODE_ENV=production
COPY package.json package-lock.json .npmrc ./
# Not `npm ci`, for the reason that dev/bootstrap.mjs gives.
RUN npm install --no-save --omit=dev --ignore-scripts --no-fund --no-audit && npm cache clean --force
COPY . .
USER node
CMD ["node", "--max-semi-space-size=64", "--no-memory-reducer", "--heap-growing-percent=300", "--use-openssl-ca", "--import", "tsx", "api/main.ts"]
