#!/usr/bin/env bash
# Reads lines with readline, as a shell in a terminal does, and writes them to the file $1.
while IFS= read -er line; do printf '%s\n' "$line" >>"$1"; done
