// A user's program with AWS's SDK for Go, unchanged: many invokes of different length, at the same time. It writes what
// went wrong, a line each, and fails if anything did.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentcore/types"
)

const sessions = 8

var lengths = []string{"0", "0.05", "0.1", "0.3"} // seconds

func main() {
	interpreter := aws.String(os.Args[1])
	invokes, err := strconv.Atoi(os.Args[2])
	exitIf(err)
	ctx := context.Background()
	client := bedrockagentcore.New(options())

	numbers, failures := make(chan int), make(chan error, invokes)
	var group sync.WaitGroup
	for range sessions {
		group.Add(1)
		go func() {
			defer group.Done()
			work(ctx, client, interpreter, numbers, failures)
		}()
	}
	for number := range invokes {
		numbers <- number
	}
	close(numbers)
	group.Wait()
	for range len(failures) {
		fmt.Println(<-failures)
		defer os.Exit(1)
	}
}

// options leads to where the environment says; the module that reads it by itself triples the time to build.
func options() bedrockagentcore.Options {
	keys := credentials.NewStaticCredentialsProvider(
		os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN"),
	)
	options := bedrockagentcore.Options{Region: os.Getenv("AWS_REGION"), Credentials: keys, Retryer: aws.NopRetryer{}}
	if url := os.Getenv("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE"); url != "" {
		options.BaseEndpoint = &url
	}
	return options
}

// work invokes in a session of its own, for as long as there are numbers.
func work(ctx context.Context, client *bedrockagentcore.Client, interpreter *string, numbers <-chan int, failures chan<- error) {
	started, err := client.StartCodeInterpreterSession(ctx, &bedrockagentcore.StartCodeInterpreterSessionInput{
		CodeInterpreterIdentifier: interpreter,
	})
	exitIf(err)
	for number := range numbers {
		command := fmt.Sprintf("sleep %s; echo %d", lengths[number%len(lengths)], number)
		if err := invoke(ctx, client, interpreter, started.SessionId, command, fmt.Sprintf("%d\r\n", number)); err != nil {
			failures <- fmt.Errorf("%s: %w", command, err)
		}
	}
	_, err = client.StopCodeInterpreterSession(ctx, &bedrockagentcore.StopCodeInterpreterSessionInput{
		CodeInterpreterIdentifier: interpreter,
		SessionId:                 started.SessionId,
	})
	exitIf(err)
}

func invoke(ctx context.Context, client *bedrockagentcore.Client, interpreter, session *string, command, expected string) error {
	answer, err := client.InvokeCodeInterpreter(ctx, &bedrockagentcore.InvokeCodeInterpreterInput{
		CodeInterpreterIdentifier: interpreter,
		SessionId:                 session,
		Name:                      types.ToolNameExecuteCommand,
		Arguments:                 &types.ToolArguments{Command: aws.String(command)},
	})
	if err != nil {
		return err
	}
	stream := answer.GetStream()
	defer stream.Close()
	var said string
	for event := range stream.Events() {
		result, ok := event.(*types.CodeInterpreterStreamOutputMemberResult)
		if !ok || result.Value.StructuredContent == nil {
			return fmt.Errorf("unexpected event %T", event)
		}
		said += aws.ToString(result.Value.StructuredContent.Stdout)
	}
	if err := stream.Err(); err != nil {
		return err
	}
	if said != expected {
		return fmt.Errorf("wrote %q", said)
	}
	return nil
}

func exitIf(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
}
