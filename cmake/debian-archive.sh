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
