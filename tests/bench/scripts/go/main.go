// A command line over AWS's SDK for Go: `start` prints a session's id, `run SESSION CODE` prints the output,
// `stop SESSION` ends it, and `once CODE` does all three in one process.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentcore/types"
)

var interpreter = aws.String(os.Getenv("CUSTOM_AGENTCORE_INTERPRETER_ID"))

func main() {
	ctx := context.Background()
	loaded, err := config.LoadDefaultConfig(ctx)
	exitIf(err)
	client := bedrockagentcore.NewFromConfig(loaded)
	switch os.Args[1] {
	case "start":
		fmt.Print(start(ctx, client))
	case "run":
		run(ctx, client, os.Args[2], os.Args[3])
	case "stop":
		stop(ctx, client, os.Args[2])
	case "once":
		session := start(ctx, client)
		run(ctx, client, session, os.Args[2])
		stop(ctx, client, session)
	}
}

func start(ctx context.Context, client *bedrockagentcore.Client) string {
	started, err := client.StartCodeInterpreterSession(ctx, &bedrockagentcore.StartCodeInterpreterSessionInput{
		CodeInterpreterIdentifier: interpreter,
	})
	exitIf(err)
	return aws.ToString(started.SessionId)
}

func stop(ctx context.Context, client *bedrockagentcore.Client, session string) {
	_, err := client.StopCodeInterpreterSession(ctx, &bedrockagentcore.StopCodeInterpreterSessionInput{
		CodeInterpreterIdentifier: interpreter,
		SessionId:                 &session,
	})
	exitIf(err)
}

func run(ctx context.Context, client *bedrockagentcore.Client, session, code string) {
	answer, err := client.InvokeCodeInterpreter(ctx, &bedrockagentcore.InvokeCodeInterpreterInput{
		CodeInterpreterIdentifier: interpreter,
		SessionId:                 &session,
		Name:                      types.ToolNameExecuteCode,
		Arguments:                 &types.ToolArguments{Code: &code, Language: types.ProgrammingLanguagePython},
	})
	exitIf(err)
	stream := answer.GetStream()
	defer stream.Close()
	for event := range stream.Events() {
		if result, ok := event.(*types.CodeInterpreterStreamOutputMemberResult); ok && result.Value.StructuredContent != nil {
			fmt.Print(aws.ToString(result.Value.StructuredContent.Stdout))
		}
	}
	exitIf(stream.Err())
}

func exitIf(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
