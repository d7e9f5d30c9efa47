# Everything a person does with this repository. `make` alone lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PY := .venv/bin/python
STAMP := .venv/.installed
ARGS ?=
RESET ?=
EXAMPLES ?= 400
# Tests wait a quarter of their time for programs, networks and pages: one process more than a small machine has cores.
WORKERS ?= 3
# The tests start a thousand programs: each would compile this repository anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo demo-emr gnuhealth training demo-once test test-slow test-long check lint types imports bench bench-scale bench-load mutation fuzz chaos fleet fleet-load province rules contract release-contract roles emr-support gallery lock format packages containers sbom audit clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml requirements.lock deploy/setup.sh deploy/uv-requirements.txt
	@bash deploy/setup.sh run
	@touch $(STAMP)

setup: $(STAMP) ## make the environment in .venv, with the system libraries it needs

demo: $(STAMP) ## the whole hospital on this machine: server, broker, two carts, a ward of 24 (RESET=1 starts anew)
	@exec $(PY) -m simulation demo $(if $(RESET),--reset) $(ARGS)

gnuhealth: $(STAMP) ## the demo beside a real GNU Health HIS: its orders come in, doses go into its log (docs/gnuhealth.md; RESET=1 starts anew)
	@bash deploy/setup.sh gnuhealth
	@exec $(PY) -m simulation demo --emr gnuhealth --directory .gnuhealth $(if $(RESET),--reset) $(ARGS)

demo-emr: $(STAMP) ## the same beside a real FHIR server: orders come from it, doses arrive in it (ARGS=--once: unattended, proven)
	@exec $(PY) -m simulation $(if $(filter --once,$(ARGS)),emr-once $(filter-out --once,$(ARGS)),demo --emr sekmet --directory .demo-emr $(if $(RESET),--reset) $(ARGS))

training: $(STAMP) ## the same to learn in: patients, people, keys and ports of its own in .training, and every screen says so (RESET=1 starts anew)
	@exec $(PY) -m simulation training $(if $(RESET),--reset) $(ARGS)

demo-once: $(STAMP) ## give one dose unattended, from camera frame to EMR, and prove it (ARGS="--seed 7 --json FILE")
	@exec $(PY) -m simulation once $(ARGS)

test: $(STAMP) ## the tests that belong to every change; installs and starts the brokers, databases and browser they need
	@bash deploy/setup.sh test
	$(PY) -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not slow and not long" $(ARGS)

test-slow: $(STAMP) ## the suites that take minutes: browsers, whole hospitals, a second oracle, the second database, protocol, old schemas, bad days, small chaos
	@bash deploy/setup.sh test
	@$(PY) -m simulation.gnuhealth_peer
	$(PY) -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "slow and not long" $(ARGS)

test-long: $(STAMP) ## whole guides and updates, minutes each, before a release and by night: CI leaves them out to stay under forty minutes
	@bash deploy/setup.sh test
	@bash deploy/setup.sh long
	$(PY) -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m long $(ARGS)

check: lint types imports test ## what CI runs: lint, types, import rules, tests

lint: $(STAMP) ## ruff, style and format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(STAMP) ## mypy, strict in the core and the devices
	$(PY) -m mypy

imports: $(STAMP) ## who may import whom
	.venv/bin/lint-imports --no-cache

bench: $(STAMP) ## measure, print tables, write JSON to benchmarks/results
	$(PY) -m benchmarks $(ARGS)

bench-scale: $(STAMP) ## what requests cost at 50, 10,000 and 100,000 people, then bench-load, with tables and plots in docs/performance.md (ARGS="--people 50,1378023": requests alone)
	@bash deploy/setup.sh test
	$(PY) -m benchmarks.scale --write $(ARGS)
	$(if $(ARGS),,$(PY) -m benchmarks.scale.load --write)

bench-load: $(STAMP) ## doses while a fleet grows, a shift changes and a day goes by at speed, with tables and plots in docs/performance.md (ARGS="--quick")
	@bash deploy/setup.sh test
	$(PY) -m benchmarks.scale.load --write $(ARGS)

mutation: $(STAMP) ## put small faults into the verdict and the orders and see that a test notices each (ARGS="--sample 2000")
	$(PY) -m tests.mutation $(ARGS)

fuzz: $(STAMP) ## try the API, every MQTT route and every parser with what is nearly right, at length (EXAMPLES=400 a target)
	@bash deploy/setup.sh test
	FUZZ_EXAMPLES=$(EXAMPLES) $(PY) -m pytest -q tests/fuzz $(ARGS)

chaos: $(STAMP) ## give 10,000 doses under 500 faults with real programs, and prove that none is lost or doubled (ARGS="--doses 400 --faults 40 --seed 7 --json FILE")
	@bash deploy/setup.sh test
	$(PY) -m simulation.chaos $(ARGS)

fleet: $(STAMP) ## virtual carts to learn fleet management on (ARGS="--carts 60 --scenario bad-wave"; docs/fleet-training.md)
	@exec $(PY) -m simulation fleet $(if $(RESET),--reset) $(ARGS)

fleet-load: $(STAMP) ## hundreds of virtual carts over TLS against a server and a broker of their own: what it costs (ARGS="--carts 500 --seconds 30 --json FILE")
	@bash deploy/setup.sh test
	@$(PY) -m simulation fleet-load $(ARGS)

province: $(STAMP) ## several hospitals on a cluster of brokers and two databases, killed under load (ARGS="--facilities 3 --carts 2 --json FILE"; docs/province.md)
	@bash deploy/setup.sh province
	@$(PY) -m simulation province $(ARGS)

rules: $(STAMP) ## write the rule catalogue anew (docs/rules.md), after a rule or a scenario changed
	$(PY) -m simulation.rules

contract: $(STAMP) ## compare the MQTT contract with the released one, and take what was added to it into the release (docs/mqtt.md)
	$(PY) -m simulation asyncapi --against tests/data/contract/poc-1.json --release

release-contract: $(STAMP) ## freeze what this release writes and reads in tests/releases, for the release after it (docs/upgrading.md; ARGS=--again)
	@$(PY) -m tests.releases $(ARGS)

roles: $(STAMP) ## write the role matrix anew (docs/roles.md), after an address or a permission changed
	$(PY) -m simulation.roles

emr-support: $(STAMP) ## write what goes to an EMR and what comes from one anew (docs/emr-support.md), after a mapping changed
	$(PY) -m simulation.emr_support

gallery: $(STAMP) ## pictures of every page and state into docs/screenshots/gallery, and docs/gallery.md (ARGS="--only kiosk --name pass")
	@bash deploy/setup.sh test
	$(PY) -m tests.gallery $(ARGS)

packages: $(STAMP) ## the wheel and the Debian packages of server, cart and bridge into dist/, the same bytes each time (docs/install.md)
	@$(PY) deploy/packages.py $(ARGS)

containers: packages ## the image of the server, built without a daemon, started and asked for its health (as root; docs/containers.md)
	@bash deploy/container/prove.sh

sbom: $(STAMP) ## the list of parts (CycloneDX) and their licences into dist/; ARGS=--audit asks for known faults (docs/operations.md)
	@$(PY) deploy/sbom.py $(ARGS)

audit: $(STAMP) ## ask whether any part has a known fault; says NOT AUDITED where the database cannot be asked (docs/operations.md)
	@$(PY) deploy/sbom.py --audit --where-it-can $(ARGS)

format: $(STAMP) ## let ruff mend what it can
	$(PY) -m ruff check --fix . ; $(PY) -m ruff format .

lock: $(STAMP) ## resolve the dependencies anew
	.venv/bin/uv pip compile --all-extras --generate-hashes --no-emit-index-url --python-version 3.11 --universal --upgrade pyproject.toml -o requirements.lock

clean: ## forget the demo's state and the environment
	rm -rf .demo .demo-emr .training .fleet-training .gnuhealth .venv .venv-gnuhealth .smp-servers benchmarks/results
