@console
Feature: The map shows data as it travels
  Whoever opens the console sees where each record goes. Nothing is missed, and nothing is told by motion alone.

  Scenario: A story is watched to its end
    Given the map is open
    When the story of a demo user is played
    Then data is seen travelling
    And every step of the story is listed with a tick
    And each record of the demo user is listed once, among them of the topics
      | users                                          |
      | mongoserver1.activate_user_reg_db.active_users |
      | login_db.users                                 |
      | rpwd_db.users                                  |
    And the map says READY
    When the demo user is followed
    Then the journey of the demo user is shown as CONVERGED

  Scenario: Nothing is missed while the network is away
    Given the map is open over a network that can fail
    And the map is open in another window
    When cleo signs up
    Then each record of cleo is listed once
    When the network fails
    And ada signs up
    Then the records of ada are listed in the other window only
    When the network is there again
    And bob signs up
    Then each record of bob is listed once
    And each record of ada is listed once
    And each record of cleo is listed once

  Scenario: A paused page rests, and then catches up
    Given the map is open
    And the map is open in another window
    When cleo signs up
    Then each record of cleo is listed once
    When the page is paused
    And ada signs up
    Then the records of ada are listed in the other window only
    When the page is resumed
    And bob signs up
    Then each record of bob is listed once
    And each record of ada is listed once
    And each record of cleo is listed once

  Scenario: What is too much at once is counted
    Given the map is open
    When the page is paused
    And 300 records that change nothing come into the topic "users"
    And the page is resumed
    Then the page tells that at least 100 records are not listed

  Scenario: Hostile text is only ever text
    Given the map is open
    When ada signs up under a hostile name
    And hostile text is written into the topic "mongoserver1.activate_user_reg_db.active_users"
    Then the hostile text is listed as it is, and nothing of it has run
    When bob signs up
    Then each record of bob is listed once
    When the page is opened anew
    Then the hostile text is listed as it is, and nothing of it has run
    When the journey of ada is asked for
    Then nothing of the hostile text has run

  Scenario: Everything is reached by keyboard
    Given the map is open
    Then Tab reaches these in order, each seen to have the focus
      | Skip to the content           |
      | every link of the navigation  |
      | Play the story of a demo user |
      | Pause the page                |
      | The story                     |
      | Records, newest first         |
      | Everything that carries data  |
    When the play button is reached by Tab, and Enter pressed
    Then the focus stays at the play button
    And every step of the story is listed with a tick

  Scenario: Without script the table is there, and the story plays
    Given the map is open without script
    And the map is open in another window
    Then the table lists everything that carries data as RUNNING
    When the story of a demo user is played
    And the other window wants to play one, too
    Then it is told that one is playing already
    And the story ends as it should in the other window

  Scenario: With reduced motion arrows light up and nothing moves
    Given the map is open with reduced motion
    When ada signs up
    Then each record of ada is listed once
    And an arrow has been lit, and no dot was seen
