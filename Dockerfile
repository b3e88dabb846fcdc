# API and worker, and the example that docker-compose.yml sends. The code runs as it is (tsx); nothing is built.
FROM node:20-slim
WORKDIR /app
ENV NODE_ENV=production
COPY package.json package-lock.json .npmrc ./
# Not `npm ci`, for the reason that dev/bootstrap.mjs gives.
RUN npm install --no-save --omit=dev --ignore-scripts --no-fund --no-audit && npm cache clean --force
COPY . .
USER node
CMD ["node", "--max-semi-space-size=64", "--no-memory-reducer", "--heap-growing-percent=300", "--import", "tsx", "api/main.ts"]
