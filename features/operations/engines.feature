@operations @needs_engines
Feature: An engine dies and comes back
  People sign up all the while; nothing acknowledged is lost or doubled, and no hand is needed.

  Scenario Outline: <part> is killed and started again
    Given people keep signing up
    When <part> is killed, and started again 3 seconds later
    Then a sign-up made after that reaches login_db
    And every connector is running
    And nothing acknowledged is lost or doubled, and the databases agree
    Examples:
      | part        |
      | login_mysql |
      | login_mysql |
      | connect     |
