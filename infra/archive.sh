#!/usr/bin/env bash
# Builds an archive with the command `agcam` for Linux x64 without .NET: libtorch, .NET, the shipped model and pictures, tab completion, licences.
#
#   infra/archive.sh [FOLDER]     default artifacts/: agcam-VERSION-linux-x64.tar.gz and a .sha256 file
#
# Needs the .NET 10 SDK. The same commit with the same SDK gives the same bytes: no paths of this machine, sorted names, the commit's time.
set -euo pipefail
export LC_ALL=C

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mkdir -p "${1:-$repository/artifacts}"
folder=$(cd "${1:-$repository/artifacts}" && pwd)
cd "$repository"

fail() { echo "archive.sh: $*" >&2; exit 1; }

commit=$(git rev-parse HEAD) || fail "this is no git checkout; the archive's times come from the commit."
[ -z "$(git status --porcelain -- src LICENSE Directory.Build.props Directory.Packages.props)" ] || echo "archive.sh: src/ differs from commit ${commit:0:12}, and so will the archive." >&2
version=$(sed -n 's|.*<VersionPrefix>\(.*\)</VersionPrefix>.*|\1|p' Directory.Build.props)
name=agcam-$version-linux-x64

# Below the checkout, because the compiler writes paths there as /_/, and apart from bin/ and obj/.
work=$repository/artifacts/archive
rm -rf "$work"
trap 'rm -rf "$work"' EXIT
app=$work/$name
dotnet publish src/AgCam.Cli -c Release -r linux-x64 --self-contained --nologo -v quiet -o "$app" --artifacts-path "$work/build" \
    -p:ContinuousIntegrationBuild=true -p:SourceRevisionId="$commit" -p:CreateHardLinksForPublishFilesIfPossible=false >&2
rm "$app"/AgCam.Cli "$app"/AgCam.Api "$app"/AgCam.Api.*.json # the launcher is called agcam; the API is a verb of it
rm -f "$app"/*.pdb "$app"/*.xml

cp LICENSE "$app/"
mkdir "$app/completions"
"$app/agcam" completion bash >"$app/completions/agcam.bash"
"$app/agcam" completion zsh >"$app/completions/_agcam"
"$app/agcam" completion fish >"$app/completions/agcam.fish"

# Licences of third parties: each package's statement and licence files.
packages=$(dotnet nuget locals global-packages --list | sed 's/^global-packages: //')
licences=$app/licences
mkdir "$licences"
shipped() {
    sed -n 's|^ *"path": "\(.*\)",\{0,1\}$|\1|p' "$app/AgCam.Cli.deps.json"
    sed -n 's|^ *"runtimepack\.\(.*\)": {$|\1|p' "$app/AgCam.Cli.deps.json" | tr '[:upper:]' '[:lower:]'
    echo libtorch-cpu-linux-x64/"$(sed -n 's|.*"libtorch-cpu-linux-x64" Version="\(.*\)".*|\1|p' Directory.Packages.props)"
}
shipped | sort -u | while read -r package; do
    source=$packages/$package
    [ -d "$source" ] || fail "$package is part of the archive, but not in $packages: its licence is unknown."
    licence=$(sed -n 's|.*<license [^>]*>\(.*\)</license>.*|\1|p; s|.*<licenseUrl>\(.*\)</licenseUrl>.*|\1|p' "$source"/*.nuspec | head -n 1)
    echo "$package ${licence:-see its files}"
    find "$source" -maxdepth 1 -type f \( -iname '*licen[sc]e*' -o -iname '*notice*' \) | sort | while read -r file; do
        mkdir -p "$licences/${package%/*}"
        cp "$file" "$licences/${package%/*}/"
    done
done >"$licences/PACKAGES"

find "$app" -type d -exec chmod 755 {} + -o -type f -exec chmod 644 {} +
chmod 755 "$app/agcam" "$app/createdump"
tar --create --directory "$work" --sort=name --owner=0 --group=0 --numeric-owner --format=gnu \
    --mtime="@$(git log -1 --format=%ct)" "$name" | gzip --no-name >"$folder/$name.tar.gz.partial"
mv "$folder/$name.tar.gz.partial" "$folder/$name.tar.gz"
cd "$folder"
sha256sum "$name.tar.gz" >"$name.tar.gz.sha256"
echo "$folder/$name.tar.gz"
