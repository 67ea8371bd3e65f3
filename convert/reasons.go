package convert

import (
	"regexp"
	"strconv"
)

func parseCount(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 32)
	return n, err == nil
}

// reasons say why a field has no equivalent, by the end of its path. The first
// that fits counts.
var reasons = []struct {
	path *regexp.Regexp
	why  string
}{
	{regexp.MustCompile(`^version$`), "compose does not use it any more"},
	{regexp.MustCompile(`^name$`), "containers bear no name of a project"},
	{regexp.MustCompile(`^x-|\.x-`), "an extension that means nothing here"},
	{regexp.MustCompile(`\.build\b`), "images are built elsewhere: name the image that is made of it"},
	{regexp.MustCompile(`\.env_file\b`), "is not read: what it holds may be secret. Name each variable with valueFrom: {file: …} or {hostEnv: …}"},
	{regexp.MustCompile(`(^|\.)(secrets|configs)\b`), "put the file on the host, and mount its folder or use valueFrom: {file: …}"},
	{regexp.MustCompile(`(^|\.)(extends|include)\b`), "is not followed: convert what `docker compose config` prints"},
	{regexp.MustCompile(`\.profiles\b`), "every service is converted: leave out the files that are not wanted"},
	{regexp.MustCompile(`^volumes\b|\.tmpfs\b`), "volumes are folders of the host here"},
	{regexp.MustCompile(`^networks\b|\.networks\b`), "name the network of the host in spec.network.name"},
	{regexp.MustCompile(`\.(scale|replicas)$`), "one manifest is one container: write one file for each"},
	{regexp.MustCompile(`\.container_name$`), "the container has the name of its service"},
	{regexp.MustCompile(`\.start_period$|\.start_interval$`), "a container is not ready until its probe succeeds, however long that takes"},
	{regexp.MustCompile(`\.stop_signal$`), "a container is shut down by its system, not by a signal"},
	{regexp.MustCompile(`\.(cap_add|cap_drop|privileged|security_opt|sysctls|ulimits|shm_size|userns_mode|init|pid|ipc|cgroup)`), "only Linux containers have it"},
	{regexp.MustCompile(`\.depends_on\..*\.required$`), "every dependency is required here"},
	{regexp.MustCompile(`\.requests\b|\.reservations\b`), "resources are limited, not reserved"},
	{regexp.MustCompile(`\.namespace$`), "there are no namespaces: the folder is one"},
	{regexp.MustCompile(`^status\b|\.(uid|resourceVersion|creationTimestamp|generation|managedFields|selfLink|ownerReferences|finalizers)$`), "is written by the cluster"},
	{regexp.MustCompile(`\.selector\b`), "a workload is its container here, and selects nothing"},
	{regexp.MustCompile(`\.imagePullPolicy$|\.imagePullSecrets|\.pull_policy$`), "images are not pulled: the host must have them"},
	{regexp.MustCompile(`\.(affinity|tolerations|topologySpreadConstraints|priorityClassName|schedulerName|nodeName)\b`), "nothing is scheduled: nodeSelector and labels of the host say where it runs"},
	{regexp.MustCompile(`\.(serviceAccountName|serviceAccount|automountServiceAccountToken|enableServiceLinks)$`), "there is no API server to talk to"},
	{regexp.MustCompile(`\.terminationMessage`), "the log of the container says why it ended"},
}

// whyNot says why the field at path is in no manifest.
func whyNot(path string) string {
	for _, r := range reasons {
		if r.path.MatchString(path) {
			return r.why
		}
	}
	return "has no equivalent"
}
