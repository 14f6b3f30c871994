# The program pfs-s3-gateway: docs/kubernetes.md says how to build and run it. test/deploy/image.slow.ts runs the
# instructions below without Docker.
FROM node:20-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY build.mjs tsconfig.json tsconfig.build.json tsconfig.cjs.json ./
COPY proto ./proto
COPY lib ./lib
RUN npm run build && npm prune --omit=dev

# Without a shell and a package manager.
FROM gcr.io/distroless/nodejs20-debian12:nonroot
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
ENV NODE_ENV=production
# By number: Kubernetes cannot tell whether a name is root.
USER 65532:65532
EXPOSE 30600 30601
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["/nodejs/bin/node", "-e", "fetch('http://127.0.0.1:30601/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/nodejs/bin/node", "dist/cli/main.js"]
CMD ["--listen", "0.0.0.0:30600", "--admin", "0.0.0.0:30601"]
