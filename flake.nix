# v2m for Nix: the package, and modules for NixOS and Home Manager that open its socket.
#
#   services.v2m.enable = true;          with nixosModules.default or homeModules.default
#   nix run . -- toggle                  v2m-send of this source, for a v2m that is installed
#
# Not here: the engines for models in GGUF form and for GPUs, and the speech model (`v2m-model pull base-q8_0`).
{
  description = "Dictation for Linux desktops: press a key, speak, press again, and the text is there";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forAll = nixpkgs.lib.genAttrs systems;
      manifest = builtins.fromTOML (builtins.readFile ./Cargo.toml);
      # The other files there are drop-ins.
      unitNames = builtins.filter (name: builtins.match ".*\\.conf" name == null) (
        builtins.attrNames (builtins.readDir ./systemd)
      );
      package =
        pkgs:
        pkgs.rustPlatform.buildRustPackage {
          pname = "v2m";
          version = manifest.workspace.package.version;
          src = self;
          cargoLock.lockFile = ./Cargo.lock;
          # libclang, for the headers of PipeWire and whisper.cpp; gettext, for the Spanish of the GNOME extension.
          nativeBuildInputs = [
            pkgs.cmake
            pkgs.gettext
            pkgs.pkg-config
            pkgs.rustPlatform.bindgenHook
          ];
          buildInputs = [ pkgs.pipewire ];
          # cmake is cargo's here.
          dontUseCmakeConfigure = true;
          cargoBuildFlags = [
            "--package"
            "v2m"
            "--bins"
          ];
          # The tests need a desktop, sound and models.
          doCheck = false;
          installPhase = ''
            runHook preInstall
            patchShebangs packaging
            make install-files PREFIX=$out ENGINES= SHELL=${pkgs.bash}/bin/bash \
              TARGET=target/${pkgs.stdenv.hostPlatform.rust.rustcTarget}
            runHook postInstall
          '';
          meta = {
            description = "Dictation for Linux desktops";
            license = [
              nixpkgs.lib.licenses.mit
              nixpkgs.lib.licenses.asl20
            ];
            platforms = systems;
            mainProgram = "v2m-send";
          };
        };
      options =
        { lib, pkgs }:
        {
          services.v2m = {
            enable = lib.mkEnableOption "v2m, dictation at the press of a key";
            package = lib.mkOption {
              type = lib.types.package;
              default = self.packages.${pkgs.stdenv.hostPlatform.system}.default;
              description = "The package of v2m.";
            };
          };
        };
    in
    {
      packages = forAll (system: rec {
        v2m = package nixpkgs.legacyPackages.${system};
        default = v2m;
      });

      # For every user of the machine.
      nixosModules.default =
        {
          config,
          lib,
          pkgs,
          ...
        }:
        {
          options = options { inherit lib pkgs; };
          config = lib.mkIf config.services.v2m.enable {
            environment.systemPackages = [ config.services.v2m.package ];
            systemd.packages = [ config.services.v2m.package ];
            systemd.user.sockets.v2m.wantedBy = [ "sockets.target" ];
            services.dbus.packages = [ config.services.v2m.package ];
          };
        };

      # For one user. The bus finds v2m's service through the profile.
      homeModules.default =
        {
          config,
          lib,
          pkgs,
          ...
        }:
        let
          units = "${config.services.v2m.package}/lib/systemd/user";
          linked = name: lib.nameValuePair "systemd/user/${name}" { source = "${units}/${name}"; };
        in
        {
          options = options { inherit lib pkgs; };
          config = lib.mkIf config.services.v2m.enable {
            home.packages = [ config.services.v2m.package ];
            xdg.dataFile =
              lib.listToAttrs (map linked unitNames)
              // {
                "systemd/user/sockets.target.wants/v2m.socket".source = "${units}/v2m.socket";
              };
            xdg.configFile."autostart/v2m-tray.desktop".source =
              "${config.services.v2m.package}/etc/xdg/autostart/v2m-tray.desktop";
          };
        };
    };
}
