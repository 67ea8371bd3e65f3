package probe

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// askHealth asks the standard health service, without TLS, as the kubelet does.
// "" is the health of the server as a whole.
func askHealth(ctx context.Context, address, service, agent string) (string, error) {
	conn, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithUserAgent(agent),
		grpc.WithNoProxy(), grpc.WithDisableServiceConfig(), grpc.WithDisableRetry())
	if err != nil {
		return "", fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	resp, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: service})
	switch code := status.Code(err); {
	case err == nil:
	case code == codes.Unimplemented:
		return "", fmt.Errorf("the server at %s has no gRPC health service", address)
	case code == codes.NotFound:
		return "", fmt.Errorf("the health service does not know the service %q", service)
	default:
		return "", fmt.Errorf("%s: %s", code, status.Convert(err).Message())
	}
	if s := resp.GetStatus(); s != grpc_health_v1.HealthCheckResponse_SERVING {
		return "", fmt.Errorf("the service is %s", s)
	}
	return "the service is SERVING", nil
}
