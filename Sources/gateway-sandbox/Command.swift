import ArgumentParser
import GatewaySandbox
@main struct Command: AsyncParsableCommand { func run() async {} }
