# The dashboard is built; the rest runs as it is (tsx).
FROM node:20-slim AS dashboard
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm install --no-save --include=dev --ignore-scripts --no-fund --no-audit
COPY tsconfig.json ./
COPY dashboard dashboard
COPY dev/dashboard dev/dashboard
RUN npm run dashboard:build

# API and worker, and the example that docker-compose.yml sends.
FROM node:20-slim
# The authorities that API and worker trust; the image has none of its own.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /app
ENV NODE_ENV=production
COPY package.json package-lock.json .npmrc ./
# Not `npm ci`, for the reason that dev/bootstrap.mjs gives.
RUN npm install --no-save --omit=dev --ignore-scripts --no-fund --no-audit && npm cache clean --force
COPY . .
COPY --from=dashboard /app/dashboard/dist dashboard/dist
USER node
CMD ["node", "--max-semi-space-size=64", "--no-memory-reducer", "--heap-growing-percent=300", "--use-openssl-ca", "--import", "tsx", "api/main.ts"]
