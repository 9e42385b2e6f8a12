# Debian's archive as this machine's apt knows it, for scripts that fetch from it: to be sourced, under set -euo pipefail.
# shellcheck shell=bash

# The site of Debian's own archive, whatever else the machine's sources name (old or new style: apt knows).
archive_site_in_lists() {
  apt-get "$@" indextargets --format '$(ORIGIN)|$(LABEL)|$(SITE)' |
    awk -F'|' '$1 == "Debian" && $2 == "Debian" { site = $3 } END { print site }'
}

# archive_site <folder>: prints the site, nothing where no source is Debian's. Where the machine's package lists were
# deleted, apt has no origins to tell: it gets them once more, into the folder, for us alone.
archive_site() {
  local lists=$1/system-lists site
  site=$(archive_site_in_lists)
  if [[ -z $site ]]; then
    mkdir -p "$lists/partial"
    apt-get -qq -o "Dir::State::Lists=$lists" -o "APT::Sandbox::User=" update >&2 || true
    site=$(archive_site_in_lists -o "Dir::State::Lists=$lists")
  fi
  echo "$site"
}

# Prints the file of the keys that sign the archive, nothing where there is none.
archive_keys() {
  local candidate
  for candidate in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
    if [[ -e $candidate ]]; then
      echo "$candidate"
      return
    fi
  done
}

# archive_open <folder> <deb|deb-src> <suite>: makes a private apt state in the folder, with the list of the suite's
# packages or of its sources. The system's sources and lists stay as they are; apt checks the archive's signature.
archive_open() {
  local site keys
  rm -rf "$1"
  mkdir -p "$1/state/lists/partial" "$1/cache/archives/partial"
  site=$(archive_site "$1")
  keys=$(archive_keys)
  if [[ -z $site ]]; then
    echo "no Debian archive among apt's sources" >&2
    return 1
  elif [[ -z $keys ]]; then
    echo "the keys of Debian's archive are missing: install debian-archive-keyring" >&2
    return 1
  fi
  echo "$2 [signed-by=$keys] $site $3 main" >"$1/sources.list"
  archive_apt "$1" update
}

# archive_apt <folder> <command…>: apt-get with that state, in that folder.
archive_apt() (
  cd "$1"
  shift
  apt-get -qq \
    -o "Dir::Etc::SourceList=$PWD/sources.list" \
    -o "Dir::Etc::SourceParts=/dev/null" \
    -o "Dir::Etc::Preferences=/dev/null" \
    -o "Dir::Etc::PreferencesParts=/dev/null" \
    -o "Dir::State=$PWD/state" \
    -o "Dir::State::Status=/dev/null" \
    -o "Dir::Cache=$PWD/cache" \
    -o "Acquire::Languages=none" \
    -o "APT::Update::Error-Mode=any" \
    -o "APT::Sandbox::User=" \
    "$@"
)
