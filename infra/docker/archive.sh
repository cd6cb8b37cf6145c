#!/usr/bin/env bash
# Builds agcam-VERSION-linux-x64.tar.gz: the command with .NET and libtorch in it, for a machine that has neither.
#   infra/docker/archive.sh [FOLDER]     where it goes; default: artifacts
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-artifacts}
version=$(sed -n 's:.*<VersionPrefix>\(.*\)</VersionPrefix>.*:\1:p' Directory.Build.props)
name=agcam-$version-linux-x64
mkdir -p "$out"
work=$(mktemp -d "$out/building.XXXXXX")
trap 'rm -rf "$work"' EXIT
# Other obj folders than the ordinary build's, since the assets differ. Packages of a runtime are in no lock file.
dotnet publish src/AgCam.Cli -c Release -r linux-x64 --self-contained -o "$work/$name" --nologo -v quiet \
    -p:ArtifactsPath="$PWD/$work/artifacts" -p:UseArtifactsOutput=true -p:RestorePackagesWithLockFile=false -p:RestoreLockedMode=false -p:GenerateDocumentationFile=false
cp LICENSE README.md "$work/$name/"
tar -C "$work" -czf "$out/$name.tar.gz" "$name"
echo "$out/$name.tar.gz"
