# The command `agcam`: worker, topology, store and every other verb. Build from the repository's root:
#   docker build -f infra/docker/worker.Dockerfile -t agcam-worker:0.1.0 .
# With CUDA (libtorch brings CUDA's libraries along; the machine needs NVIDIA's driver and container toolkit):
#   docker build -f infra/docker/worker.Dockerfile --build-arg CUDA=true -t agcam-worker-cuda:0.1.0 .
FROM mcr.microsoft.com/dotnet/sdk:10.0.401-noble AS build
ARG CUDA=false
WORKDIR /source
COPY Directory.Build.props Directory.Packages.props global.json ./
COPY src/ src/
# The CUDA build has no committed lock file (docs/decisions.md), so only the CPU build is locked.
RUN if [ "$CUDA" = true ]; then locked=false; else locked=true; fi \
    && dotnet publish src/AgCam.Cli -c Release -o /app -p:AgCamCuda=$CUDA -p:RestoreLockedMode=$locked

FROM mcr.microsoft.com/dotnet/aspnet:10.0.12-noble
WORKDIR /app
COPY --from=build /app ./
USER 1654:1654
ENV Pipeline__Models__scenes=/app/shipped/model HOME=/tmp DOTNET_EnableDiagnostics=0 NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
STOPSIGNAL SIGTERM
ENTRYPOINT ["dotnet", "AgCam.Cli.dll"]
CMD ["worker"]
