# The API without libtorch. Build from the repository's root:
#   docker build -f infra/docker/api.Dockerfile -t agcam-api:0.1.0 .
FROM mcr.microsoft.com/dotnet/sdk:10.0.401-noble AS build
WORKDIR /source
COPY Directory.Build.props Directory.Packages.props global.json ./
COPY src/ src/
RUN dotnet publish src/AgCam.Api -c Release -o /app -p:RestoreLockedMode=true

FROM mcr.microsoft.com/dotnet/aspnet:10.0.12-noble
WORKDIR /app
COPY --from=build /app ./
# The shipped model: the API reads only its digest and class names.
COPY src/AgCam.Scenes/Shipped/model /app/shipped/model
# A numeric user, so that a cluster can verify that it is not root. Only /tmp is written.
USER 1654:1654
ENV Pipeline__Models__scenes=/app/shipped/model Api__Listen=http://*:8080 HOME=/tmp DOTNET_EnableDiagnostics=0
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["dotnet", "AgCam.Api.dll"]
