// oracle: many `docker compose config` runs in one process. Reads one JSON request a line:
// {"dir","env":{},"args":[]}; writes {"rc","out","err"} a line. What `config` of docker compose does
// between its flags and compose-go, with the same compose-go.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/compose-spec/compose-go/v2/utils"
	"github.com/sirupsen/logrus"
)

type options struct {
	files, profiles, envFiles, services []string
	name, dir, format, list             string
	noInterpolate, noPaths, noNormalize bool
	noConsistency, noEnv, quiet         bool
}

func parse(args []string) (o options, err error) {
	for i := 0; i < len(args); i++ {
		next := func() string {
			i++
			if i < len(args) {
				return args[i]
			}
			err = errors.New("no value")
			return ""
		}
		switch a := args[i]; a {
		case "-f":
			o.files = append(o.files, next())
		case "--profile":
			o.profiles = append(o.profiles, next())
		case "--env-file":
			o.envFiles = append(o.envFiles, next())
		case "-p":
			o.name = next()
		case "--project-directory":
			o.dir = next()
		case "--format":
			o.format = next()
		case "config":
		case "-q":
			o.quiet = true
		case "--no-interpolate":
			o.noInterpolate = true
		case "--no-path-resolution":
			o.noPaths = true
		case "--no-normalize":
			o.noNormalize = true
		case "--no-consistency":
			o.noConsistency = true
		case "--no-env-resolution":
			o.noEnv = true
		case "--services", "--volumes", "--networks", "--images", "--profiles", "--variables", "--environment":
			o.list = a
		default:
			if strings.HasPrefix(a, "-") {
				err = fmt.Errorf("unknown option %s", a)
				return
			}
			o.services = append(o.services, a)
		}
	}
	return
}

// The format "raw" of env files, which isn't compose-go's: docker run --env-file has it.
func raw(r io.Reader, file string, vars map[string]string, lookup func(string) (string, bool)) error {
	in := bufio.NewScanner(r)
	for n := 1; in.Scan(); n++ {
		line := strings.TrimLeftFunc(strings.TrimPrefix(in.Text(), "\ufeff"), unicode.IsSpace)
		key, value, given := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#':
		case !utf8.ValidString(line):
			return fmt.Errorf("failed to parse env_file %s: invalid utf8 bytes at line %d", file, n)
		case key == "" || strings.ContainsAny(key, " \t\n\v\f\r"):
			return fmt.Errorf("failed to parse env_file %s: line %d: '%s'", file, n, key)
		case given:
			vars[key] = value
		default:
			if v, ok := lookup(key); ok {
				vars[key] = v
			}
		}
	}
	return in.Err()
}

func projectOptions(o options, po ...cli.ProjectOptionsFn) (*cli.ProjectOptions, error) {
	opts := []cli.ProjectOptionsFn{cli.WithWorkingDirectory(o.dir), cli.WithOsEnv}
	if _, present := os.LookupEnv("PWD"); !present {
		pwd, err := os.Getwd()
		if err != nil {
			return nil, err
		}
		opts = append(opts, cli.WithEnv([]string{"PWD=" + pwd}))
	}
	opts = append(opts, cli.WithEnvFiles(o.envFiles...), cli.WithDotEnv, cli.WithConfigFileEnv,
		cli.WithDefaultConfigPath, cli.WithEnvFiles(o.envFiles...), cli.WithDotEnv,
		cli.WithDefaultProfiles(o.profiles...), cli.WithName(o.name))
	all := append(po, cli.WithInterpolation(!o.noInterpolate), cli.WithResolvedPaths(!o.noPaths),
		cli.WithNormalization(!o.noNormalize), cli.WithConsistency(!o.noConsistency),
		cli.WithDefaultProfiles(o.profiles...), cli.WithDiscardEnvFile)
	return cli.NewProjectOptions(o.files, append(all, opts...)...)
}

func project(o options, services []string, po ...cli.ProjectOptionsFn) (*types.Project, error) {
	options, err := projectOptions(o, po...)
	if err != nil {
		return nil, err
	}
	p, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	if p.Name == "" {
		return nil, errors.New("project name can't be empty")
	}
	if p, err = p.WithServicesEnabled(services...); err != nil {
		return nil, err
	}
	if p, err = p.WithSelectedServices(services); err != nil {
		return nil, err
	}
	return p.WithoutUnnecessaryResources(), nil
}

// The environment of the process takes the first .env file too.
func environment(o options) error {
	options, err := cli.NewProjectOptions(o.files, cli.WithWorkingDirectory(o.dir), cli.WithOsEnv,
		cli.WithEnvFiles(o.envFiles...), cli.WithDotEnv)
	if err != nil {
		return nil
	}
	env, err := dotenv.GetEnvFromFile(utils.GetAsEqualsMap(os.Environ()), options.EnvFiles)
	if err != nil {
		return nil
	}
	for k, v := range env {
		if _, ok := os.LookupEnv(k); !ok && strings.HasPrefix(k, "COMPOSE_") {
			if err = os.Setenv(k, v); err != nil {
				return nil
			}
		}
	}
	return nil
}

func lines(items []string) []byte {
	sort.Strings(items)
	return []byte(strings.Join(append(items, ""), "\n"))
}

func list(o options) ([]byte, error) {
	var out []string
	if o.list == "--variables" {
		o.noInterpolate = true
		options, err := projectOptions(o, cli.WithoutEnvironmentResolution)
		if err != nil {
			return nil, err
		}
		model, err := options.LoadModel(context.Background())
		if err != nil {
			return nil, err
		}
		return json.Marshal(template.ExtractVariables(model, template.DefaultPattern))
	}
	if o.list == "--environment" {
		p, err := project(o, o.services)
		if err != nil {
			return nil, err
		}
		return lines(p.Environment.Values()), nil
	}
	services := o.services
	if o.list != "--images" && o.list != "--profiles" {
		services = nil
	}
	p, err := project(o, services, cli.WithoutEnvironmentResolution)
	if err != nil {
		return nil, err
	}
	switch o.list {
	case "--services":
		out = p.ServiceNames()
	case "--volumes":
		out = p.VolumeNames()
	case "--networks":
		out = p.NetworkNames()
	case "--images":
		for _, s := range p.Services {
			if s.Image == "" {
				s.Image = p.Name + "-" + s.Name
			}
			out = append(out, s.Image)
		}
	case "--profiles":
		set := map[string]bool{}
		for _, s := range p.AllServices() {
			for _, f := range s.Profiles {
				set[f] = true
			}
		}
		for f := range set {
			out = append(out, f)
		}
	}
	return lines(out), nil
}

func config(o options) ([]byte, error) {
	if o.list != "" {
		return list(o)
	}
	if o.noInterpolate {
		options, err := projectOptions(o)
		if err != nil {
			return nil, err
		}
		model, err := options.LoadModel(context.Background())
		if err != nil {
			return nil, err
		}
		return json.MarshalIndent(model, "", "  ")
	}
	p, err := project(o, o.services)
	if err != nil {
		return nil, err
	}
	if !o.noEnv {
		if p, err = p.WithServicesEnvironmentResolved(true); err != nil {
			return nil, err
		}
	}
	if !o.noConsistency {
		if err = p.CheckContainerNameUnicity(); err != nil {
			return nil, err
		}
	}
	out, err := p.MarshalJSON()
	return bytes.ReplaceAll(out, []byte{'$'}, []byte{'$', '$'}), err
}

type request struct {
	Dir  string            `json:"dir"`
	Env  map[string]string `json:"env"`
	Args []string          `json:"args"`
}

type answer struct {
	Rc  int    `json:"rc"`
	Out string `json:"out"`
	Err string `json:"err"`
}

func answerTo(r request) (a answer) {
	var log bytes.Buffer
	logrus.SetOutput(&log)
	defer func() {
		if p := recover(); p != nil {
			a = answer{2, "", fmt.Sprintf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	os.Clearenv()
	for k, v := range r.Env {
		os.Setenv(k, v)
	}
	err := os.Chdir(r.Dir)
	var out []byte
	var o options
	if err == nil {
		o, err = parse(r.Args)
	}
	if err == nil {
		err = environment(o)
		if v := os.Getenv("COMPOSE_ENV_FILES"); v != "" && len(o.envFiles) == 0 {
			o.envFiles = strings.Split(v, ",")
		}
	}
	if err == nil {
		out, err = config(o)
	}
	if err != nil {
		return answer{1, "", log.String() + err.Error() + "\n"}
	}
	return answer{0, string(out), log.String()}
}

func main() {
	dotenv.RegisterFormat("raw", raw)
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var r request
		if err = json.Unmarshal(line, &r); err != nil {
			panic(err)
		}
		if err = out.Encode(answerTo(r)); err != nil {
			return
		}
	}
}
