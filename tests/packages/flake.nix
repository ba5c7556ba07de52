# Evaluates ../../flake.nix with a double of nixpkgs, because there may be no network to fetch the real one. The result describes
# the package and the settings of both modules. Run by run.sh: nix-instantiate --eval --strict --json.
let
  lib = {
    genAttrs = names: make: builtins.listToAttrs (map (name: { inherit name; value = make name; }) names);
    licenses = { mit = "MIT"; asl20 = "Apache-2.0"; };
    mkEnableOption = what: { option = what; };
    mkOption = it: it;
    types.package = "package";
    mkIf = condition: value: if condition then value else { };
    nameValuePair = name: value: { inherit name value; };
    listToAttrs = builtins.listToAttrs;
  };
  pkgs = {
    rustPlatform = { buildRustPackage = it: it; bindgenHook = "bindgenHook"; };
    cmake = "cmake";
    gettext = "gettext";
    pkg-config = "pkg-config";
    pipewire = "pipewire";
    bash = "/bash";
    stdenv.hostPlatform = { system = "x86_64-linux"; rust.rustcTarget = "x86_64-unknown-linux-gnu"; };
  };
  nixpkgs = { inherit lib; legacyPackages = { x86_64-linux = pkgs; aarch64-linux = pkgs; }; };
  self = flake.outputs { inherit self nixpkgs; } // { outPath = "/source"; };
  flake = import ../../flake.nix;
  config.services.v2m = { enable = true; package = "/v2m"; };
  module = name: self.${name}.default { inherit config lib pkgs; };
  linked = (module "homeModules").config.xdg.dataFile;
  isUnit = name: builtins.match ".*\\.(service|socket)" name != null;
  units = builtins.filter isUnit (builtins.attrNames (builtins.readDir ../../systemd));
in
# All units and the link that enables the socket, but no drop-in.
assert units != [ ] && builtins.all (unit: linked ? "systemd/user/${unit}") units;
assert builtins.length (builtins.attrNames linked) == builtins.length units + 1;
{
  version = self.packages.x86_64-linux.default.version;
  install = self.packages.aarch64-linux.v2m.installPhase;
  inputs = self.packages.x86_64-linux.v2m.nativeBuildInputs;
  nixos = (module "nixosModules").config;
  home = (module "homeModules").config;
  options = builtins.attrNames (module "homeModules").options.services.v2m;
}
